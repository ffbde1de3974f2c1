import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrate } from '../support/measured-migration.ts'
import type { ClusterHost } from './cluster.ts'
import { Victim } from './victim.ts'

let victim: Victim
let source: ClusterHost
let destination: ClusterHost

beforeAll(async () => {
  victim = await Victim.start()
  source = victim.source
  destination = victim.destination
})

afterAll(() => victim?.end())

describe('what cannot be done is refused, with its code', () => {
  it('an unknown VM', async () => {
    await expect(migrate('nobody', source, destination)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('a destination that is not known, and one that is not trusted', async () => {
    const call = (to: string) =>
      source.toolstack.migrate({ params: { vm: victim.guest.name }, body: { destination: to } })
    await expect(call('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const body = { destination: `https://${destination.lab.address}:7399` }
    await expect(
      source.toolstack.preflight({ params: { vm: victim.guest.name }, body }),
    ).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' })
  })

  it('a full SR', async () => {
    await destination.lab.run('mkdir -p /srv/tiny && mount -t tmpfs -o size=32m tmpfs /srv/tiny')
    const { id } = await destination.storage.createSr({
      name: 'tiny',
      type: 'file',
      configuration: { directory: '/srv/tiny' },
    })
    const operation = await victim.migrate({ srMap: { '*': 'tiny' } })
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'PREFLIGHT_FAILED', details: { codes: 'SR_FULL' } },
    })
    await destination.storage.forgetSr(id)
    await destination.lab.run('umount /srv/tiny && rmdir /srv/tiny')
    await victim.expectUnharmed()
  })

  it('too little memory', async () => {
    const { freeMemoryBytes } = await destination.toolstack.getHost()
    const ballast = victim.cluster.guest({
      name: 'ballast',
      number: 131,
      disks: [],
      memoryMib: Math.floor(freeMemoryBytes / MiB) - 60,
    })
    await destination.lab.run(['xl', 'create', '-p', await ballast.installOn(destination.lab)])
    const operation = await victim.migrate()
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'PREFLIGHT_FAILED', details: { codes: 'MEMORY_SHORT' } },
    })
    await ballast.destroyOn(destination.lab)
    await victim.expectUnharmed()
  })

  it('a network that is not there', async () => {
    const operation = await victim.migrate({
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
    await victim.expectUnharmed()
  })
})

describe('what breaks on the way is taken back', () => {
  it('an xl that dies at the destination', async () => {
    const operation = await victim.disturb('memory', () =>
      destination.lab.run("pkill -KILL -f 'x[l] migrate-receive'"),
    )
    expect(operation.state).toBe('failed')
    expect(['MEMORY_STREAM_FAILED', 'PEER_FAILED']).toContain(operation.error?.code)
    await victim.expectUnharmed()
  })

  it('a link that is cut', async () => {
    const link = victim.cluster.lab.between(source.name, destination.name)
    const operation = await victim.disturb('memory', () => link.cut())
    await link.heal()
    expect(operation.state).toBe('failed')
    expect(['HEARTBEAT_LOST', 'MEMORY_STREAM_FAILED', 'REPLICATION_LOST']).toContain(
      operation.error?.code,
    )
    await victim.destinationHasEnded()
    await victim.expectUnharmed()
  })
})
