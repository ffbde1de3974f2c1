import { expect } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import type { Cluster, ClusterHost } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { migrateAndCheck } from './measured-migration.ts'

/** An SR for each way in which a disk's bytes may lie: an LV, a raw file, a qcow2 and a VHD image. */
export const allFormats = ['local', 'files', 'qcow2', 'vhd']

/**
 * A guest with a disk in each of these SRs moves as often as `turns` has entries; each entry says by
 * how many places the disks go round. So with all four SRs a turn covers four pairs, and the turns 0
 * to 3 all sixteen. Every write is proved after every turn.
 */
export async function migrateThroughFormats(
  cluster: Cluster,
  srNames: readonly string[],
  turns: readonly number[],
  started: (guest: TestGuest) => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const sides: [ClusterHost, ClusterHost] = [cluster.host('alpha1'), cluster.host('beta1')]
  for (const host of sides) await makeSrs(host)
  let [here, there] = sides
  const slots = await Promise.all(
    srNames.map(async (name, index) => {
      const { device } = await here.newDisk(name, `disk-${name}`, 32 * MiB)
      return { slot: `xvd${'abcd'[index]}`, device, place: index }
    }),
  )
  const guest = await cluster.startGuest(here, {
    // Each disk that is attached anew takes the guest some megabytes of grants and buffers.
    ...{ name: 'formats', memoryMib: 96 + 6 * srNames.length * turns.length },
    number: 120,
    slots: 64,
    disks: slots.map(({ device }) => `phy:${device}`),
  })
  await started(guest)
  const covered: string[] = []
  for (const turn of turns) {
    const places = slots.map(({ place }) => (place + turn) % srNames.length)
    const srMap = Object.fromEntries(
      slots.map(({ slot }, index) => [slot, srNames[places[index] ?? 0] ?? '']),
    )
    const { report, verdict } = await migrateAndCheck(guest, here, there, { srMap })
    expect(verdict.problems).toEqual([])
    expect(report).toMatchObject({
      ...{
        acknowledgedWritesLost: 0,
        guestIoErrors: 0,
        hypervisor: 'xen',
        replication: 'drbd+wireguard',
      },
      ...{ disks: slots.length, to: { pool: there.pool, host: there.name } },
    })
    console.log(report)
    for (const [index, one] of slots.entries()) {
      covered.push(`${srNames[one.place]} to ${srNames[places[index] ?? 0]}`)
      one.place = places[index] ?? 0
    }
    const swapped = here
    here = there
    there = swapped
  }
  await endGuest(guest, here)
  for (const host of sides) await removeSrs(host)
  return covered
}

async function makeSrs(host: ClusterHost): Promise<void> {
  for (const format of ['qcow2', 'vhd']) {
    const directory = `/srv/images/${format}`
    await host.lab.run(['mkdir', '-p', directory])
    await host.storage.createSr({
      ...{ name: format, type: 'file', configuration: { directory, format } },
    })
  }
}

async function removeSrs(host: ClusterHost): Promise<void> {
  for (const format of ['qcow2', 'vhd']) {
    await host.storage.forgetSr(await host.sr(format))
    await host.lab.run(['rmdir', `/srv/images/${format}`])
  }
}
