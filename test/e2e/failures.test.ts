import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import { type MigrateOptions, migrate } from '../support/measured-migration.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { checkWrites } from './measured-migration.ts'
import { type Traces, tracesOf } from './traces.ts'

/** One VM goes through all failures, and runs on at the source after each as if nothing had been. */
let cluster: Cluster
let source: ClusterHost
let destination: ClusterHost
let guest: TestGuest
let before: readonly Traces[]
const traces = () => Promise.all(cluster.hosts.map(tracesOf))

beforeAll(async () => {
  cluster = await Cluster.open()
  source = cluster.host('alpha1')
  destination = cluster.host('beta1')
  await source.newPlainVolume('victim', 64)
  const file = await source.newDisk('files', 'victim', 64 * MiB)
  guest = await cluster.startGuest(source, {
    name: 'victim',
    number: 130,
    disks: ['phy:/dev/vg0/victim', `phy:${file.device}`],
  })
  before = await traces()
})

afterAll(async () => {
  if (!guest) return
  await endGuest(guest, source)
  await source.lab.run('lvremove --yes vg0/victim')
})

/** It writes on, has lost nothing and seen no error; and neither host holds anything of the migration. */
async function expectUnharmed(): Promise<void> {
  await guest.waitUntilOn(source.lab)
  const verdict = await checkWrites(guest, source)
  expect(verdict.problems).toEqual([])
  expect(verdict.ioErrors).toBe(0)
  expect(await traces()).toEqual(before)
}

/** Starts a migration and does something to it once it is in `step` (for memory: once some has been sent). */
async function disturb(
  step: string,
  act: (operation: Operation) => Promise<unknown>,
  request: MigrateOptions = {},
): Promise<Operation> {
  let acting: Promise<unknown> | null = null
  const operation = await migrate(guest.name, source, destination, request, (seen) => {
    const isThere = seen.steps.some(({ name, state }) => name === step && state === 'running')
    const { memory } = migrationDetailsSchema.parse(seen.details)
    if (!acting && isThere && (step !== 'memory' || memory.sentBytes > 4 * MiB)) {
      acting = act(seen)
      // Looked at when the migration has ended.
      acting.catch(() => {})
    }
  })
  if (!acting)
    throw new Error(
      `the migration ended ${operation.state} before it came to ${step}: ${JSON.stringify(operation.error)}`,
    )
  await acting
  return operation
}

describe('what cannot be done is refused, with its code', () => {
  it('an unknown VM', async () => {
    await expect(migrate('nobody', source, destination)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('a destination that is not known, and one that is down', async () => {
    const call = (to: string) =>
      source.toolstack.migrate({ params: { vm: guest.name }, body: { destination: to } })
    await expect(call('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const body = { destination: `http://${destination.lab.address}:7399` }
    await expect(
      source.toolstack.preflight({ params: { vm: guest.name }, body }),
    ).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  it('a full SR', async () => {
    await destination.lab.run('mkdir -p /srv/tiny && mount -t tmpfs -o size=32m tmpfs /srv/tiny')
    const { id } = await destination.storage.createSr({
      name: 'tiny',
      type: 'file',
      configuration: { directory: '/srv/tiny' },
    })
    const operation = await migrate(guest.name, source, destination, { srMap: { '*': 'tiny' } })
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'PREFLIGHT_FAILED', details: { codes: 'SR_FULL' } },
    })
    await destination.storage.forgetSr(id)
    await destination.lab.run('umount /srv/tiny && rmdir /srv/tiny')
    await expectUnharmed()
  })

  it('too little memory', async () => {
    const { freeMemoryBytes } = await destination.toolstack.getHost()
    const ballast = cluster.guest({
      name: 'ballast',
      number: 131,
      disks: [],
      memoryMib: Math.floor(freeMemoryBytes / MiB) - 60,
    })
    await destination.lab.run(['xl', 'create', '-p', await ballast.installOn(destination.lab)])
    const operation = await migrate(guest.name, source, destination)
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'PREFLIGHT_FAILED', details: { codes: 'MEMORY_SHORT' } },
    })
    await ballast.destroyOn(destination.lab)
    await expectUnharmed()
  })

  it('a network that is not there', async () => {
    const operation = await migrate(guest.name, source, destination, {
      networkMap: { '*': 'nobr0' },
    })
    expect(operation.error).toMatchObject({
      code: 'PREFLIGHT_FAILED',
      details: { codes: 'NOT_FOUND' },
    })
  })

  it('a wrong URI, a used one, and one for a disk of another size', async () => {
    const disk = await source.newDisk('local', 'small', 8 * MiB)
    const target = await destination.storage.createVdi({
      sr: await destination.sr('local'),
      name: 'large',
      sizeBytes: 16 * MiB,
    })
    const { uri, replication } = await destination.storage.getReplicationTarget(target.id)
    const replicate = (text: string) => source.storage.replicateTo(disk.vdi, text)
    await expect(replicate('drbd://nonsense')).rejects.toMatchObject({ code: 'URI_INVALID' })
    await expect(replicate(uri)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    const forged = uri.replace(/size=\d+/, `size=${8 * MiB}`)
    await expect(replicate(forged)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    const altered = uri.replace(/size=\d+/, `size=${8 * MiB}`).replace(/secret=..../, 'secret=0000')
    await expect(replicate(altered)).rejects.toMatchObject({ code: 'URI_REFUSED' })
    await destination.storage.stopReplication(replication, 'nothing')
    await expect(replicate(forged)).rejects.toMatchObject({ code: 'URI_REFUSED' })
    await destination.storage.detach(target.id)
    await destination.storage.destroyVdi(target.id)
    await source.removeDisk(disk.vdi)
    await expectUnharmed()
  })
})

describe('what breaks on the way is taken back', () => {
  it('a cancelled copy of the disks', async () => {
    const cancel = ({ id }: Operation) =>
      source.toolstack.cancelOperation({ params: { operation: id } })
    expect((await disturb('synchronise', cancel)).state).toBe('cancelled')
    await expectUnharmed()
  })

  it('a cancelled memory stream', async () => {
    const cancel = ({ id }: Operation) =>
      source.toolstack.cancelOperation({ params: { operation: id } })
    expect((await disturb('memory', cancel)).state).toBe('cancelled')
    await expectUnharmed()
  })

  it('an xl that dies at the source', async () => {
    const operation = await disturb('memory', () =>
      source.lab.run("pkill -KILL -f 'x[l] migrate -s'"),
    )
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'MEMORY_STREAM_FAILED' } })
    await expectUnharmed()
  })

  it('an xl that dies at the destination', async () => {
    const operation = await disturb('memory', () =>
      destination.lab.run("pkill -KILL -f 'x[l] migrate-receive'"),
    )
    expect(operation.state).toBe('failed')
    expect(['MEMORY_STREAM_FAILED', 'PEER_FAILED']).toContain(operation.error?.code)
    await expectUnharmed()
  })

  it('a link that is cut', async () => {
    const link = cluster.lab.between(source.name, destination.name)
    const operation = await disturb('memory', () => link.cut())
    await link.heal()
    expect(operation.state).toBe('failed')
    expect(['HEARTBEAT_LOST', 'MEMORY_STREAM_FAILED', 'REPLICATION_LOST']).toContain(
      operation.error?.code,
    )
    await destinationHasEnded()
    await expectUnharmed()
  })

  it('a destination whose daemons stop', async () => {
    const operation = await disturb('memory', () =>
      destination.lab.run('systemctl stop crosspool-xapi crosspool-sm'),
    )
    expect(operation.state).toBe('failed')
    await destination.lab.run('systemctl start crosspool-sm crosspool-xapi')
    await destination.waitUntilAnswering()
    await destinationHasEnded()
    await expectUnharmed()
  })
})

/** It cleans up by itself, when it hears nothing any more. */
async function destinationHasEnded(): Promise<void> {
  await expect
    .poll(
      async () =>
        (await destination.toolstack.listReceivers()).every(
          ({ state }) => state === 'closed' || state === 'aborted',
        ),
      { timeout: 120_000, interval: 500 },
    )
    .toBe(true)
  await expect
    .poll(async () => (await destination.storage.listReplications()).length, {
      timeout: 120_000,
      interval: 500,
    })
    .toBe(0)
  await expect
    .poll(
      async () => (await destination.storage.listVdis()).filter(({ managed }) => managed).length,
      { timeout: 120_000, interval: 500 },
    )
    .toBe(0)
}
