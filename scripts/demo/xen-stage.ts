import { MiB } from '../../src/lib/units.ts'
import { Cluster } from '../../test/e2e/cluster.ts'
import { endGuest } from '../../test/e2e/end-guest.ts'
import { migrateAndCheck } from '../../test/e2e/measured-migration.ts'
import { attachLab, endLab } from '../../test/lab/lab.ts'
import { ensurePackages } from '../../test/lab/support/packages.ts'
import type { OpenStage } from './stage.ts'

/** Real Xen and real DRBD in virtual hosts; in the lab that is up, or in one for the demo alone. */
export const openXenStage: OpenStage = async (tell) => {
  const wasRunning = (await attachLab()) !== undefined
  const close = async () => {
    if (!wasRunning) await endLab()
  }
  try {
    await ensurePackages(tell)
    const cluster = await Cluster.open({ log: tell, topology: 'pair' })
    let [source, destination] = [cluster.host('alpha1'), cluster.host('beta1')]
    const root = await source.newDisk('local', 'demo-root', 64 * MiB)
    const data = await source.newDisk('files', 'demo-data', 256 * MiB)
    tell('a VM with two disks starts on alpha1: an LV of 64 MiB, a sparse file of 256 MiB')
    const guest = await cluster.startGuest(source, {
      name: 'demo',
      number: 120,
      disks: [`phy:${root.device}`, `phy:${data.device}`],
    })
    return {
      move: async (onChange) => {
        const moved = await migrateAndCheck(guest, source, destination, { onChange })
        ;[source, destination] = [destination, source]
        return moved
      },
      endVm: async () => {
        await endGuest(guest, source)
        return []
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
