import { MiB } from '../../src/lib/units.ts'
import { Playground } from '../../test/playground/playground.ts'
import { measureMigration } from '../../test/support/measured-migration.ts'
import type { OpenStage } from './stage.ts'

/** Two pools on this machine, without root: QEMU, and mirrors in user space. */
export const openQemuStage: OpenStage = async (tell) => {
  const playground = await Playground.open({ log: tell })
  try {
    let [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
    const root = await source.newDisk('raw', 'demo-root', 64 * MiB)
    const data = await source.newDisk('qcow2', 'demo-data', 256 * MiB)
    tell('a VM with two disks starts on alpha1: raw of 64 MiB, a thin qcow2 of 256 MiB')
    const guest = playground.guest({ name: 'demo', number: 120 })
    await guest.startOn(source, [root, data])
    return {
      move: async (onChange) => {
        const moved = await measureMigration(guest, source, destination, {
          onChange,
          // Each disk stays in its format.
          srMap: { vda: 'raw', vdb: 'qcow2' },
        })
        ;[source, destination] = [destination, source]
        return moved
      },
      endVm: async () => (await guest.end(source)).problems,
      close: () => playground.close(),
    }
  } catch (error) {
    await playground.close()
    throw error
  }
}
