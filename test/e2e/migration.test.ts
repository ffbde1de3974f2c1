import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { type AdministratorsDrbd, administratorsDrbd } from '../lab/administrators-drbd.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import { Cluster } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { migrateThroughFormats } from './formats-matrix.ts'
import { migrateAndCheck } from './measured-migration.ts'
import { type Traces, tracesOf } from './traces.ts'
import { listenWhile } from './wire.ts'

/** Real VMs on real hosts: each test leaves the hosts as it found them. */
let cluster: Cluster
let admin: AdministratorsDrbd
let adminStatus: string
let before: Map<string, Traces>

beforeAll(async () => {
  cluster = await Cluster.open()
  admin = await administratorsDrbd(cluster.host('alpha1').lab, cluster.host('beta1').lab)
  adminStatus = await admin.status()
  before = new Map(
    await Promise.all(
      cluster.hosts.map(async (host) => [host.name, await tracesOf(host)] as const),
    ),
  )
})

afterAll(async () => {
  await admin?.remove()
})

const clean = { acknowledgedWritesLost: 0, guestIoErrors: 0, hypervisor: 'xen' }

async function expectNothingLeft(): Promise<void> {
  for (const host of cluster.hosts)
    expect(await tracesOf(host), host.name).toEqual(before.get(host.name))
  expect(await admin.status()).toEqual(adminStatus)
}

/** In the kernel of every guest, and in every record that it writes. */
const [inMemory, onDisk] = ['Linux version ', 'CPRECRD1']

async function expectInMemory({ name }: TestGuest): Promise<void> {
  const { lab } = cluster.host('alpha1')
  const core = '/srv/guest.core'
  const found = await lab.run(
    `xl dump-core ${name} ${core} > /dev/null && grep -a -o -F -e '${inMemory}' -e ${onDisk} ${core} | sort -u; rm -f ${core}`,
    { timeoutMs: 180_000 },
  )
  expect(found).toContain(inMemory.trim())
}

describe('a running VM moves', () => {
  it('to another pool, two disks at once, each of which takes on the format of the other', async () => {
    // All sixteen pairs of formats are in contracts.long.ts: each turn takes minutes under emulation.
    const [source, destination] = [cluster.host('alpha1'), cluster.host('beta1')]
    const { result, wire } = await listenWhile([source, destination], [inMemory, onDisk], () =>
      migrateThroughFormats(cluster, ['local', 'qcow2'], [1], expectInMemory),
    )
    expect(result).toEqual(['local to qcow2', 'qcow2 to local'])
    // encryption.long.ts sees a disk's content by the same means where encryption is switched off.
    expect(wire.seen).toEqual([0, 0])
    expect(wire.bytes).toBeGreaterThan(64 * MiB)
    await expectNothingLeft()
  })

  it('within its pool, when plain xl started it on an LV and a shared disk and it has never heard of us', async () => {
    const [source, destination] = [cluster.host('alpha1'), cluster.host('alpha2')]
    await source.newPlainVolume('plain', 64)
    const [shared] = await source.storage.listVdis({ sr: await source.sr('san') })
    if (!shared) throw new Error('the shared SR has no volume')
    await source.storage.attach(shared.id)
    const { device } = await source.storage.activate(shared.id)
    const guest = await cluster.startGuest(source, {
      name: 'plain',
      number: 102,
      disks: ['phy:/dev/vg0/plain', `phy:${device}`],
    })

    const { report, verdict, operation } = await migrateAndCheck(guest, source, destination)
    expect(report).toMatchObject({
      ...clean,
      replication: 'drbd+wireguard',
      disks: 2,
      to: { host: 'alpha2' },
    })
    expect(operation.details.disks).toMatchObject([{ replicated: true }, { replicated: false }])
    expect(verdict.problems).toEqual([])
    // The administrator's volume stays where it is, whole and ours no more.
    expect(operation.details.keptDisks).toHaveLength(1)
    await source.lab.run(['lvremove', '--yes', 'vg0/plain'])

    await endGuest(guest, destination)
    await expectNothingLeft()
  })
})
