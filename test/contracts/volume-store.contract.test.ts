import {
  createStorageWorld,
  simulatedBlockBytes,
} from '../../src/drivers/simulated/storage-world.ts'
import { createSimulatedVolumeStores } from '../../src/drivers/simulated/volume-store.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import type { VolumeStoreFixture } from './volume-store.cases.ts'
import { describeVolumeStoreContract } from './volume-store.contract.ts'

describeVolumeStoreContract('simulated volume store', async () => {
  const world = createStorageWorld({ clock: systemClock })
  const makeStore = createSimulatedVolumeStores(world, 'host')
  const open = async () => {
    const store = makeStore({ id: 'sr', configuration: { array: 'array' } })
    await store.open()
    return store
  }
  world.addVolume('array', { id: 'foreign', sizeBytes: 4096 })
  const blocks = (device: string) => {
    const volume = world.kernel('host').attached.get(device)
    if (!volume) throw new Error(`${device} is not attached`)
    return volume.blocks
  }
  const fixture: VolumeStoreFixture = {
    store: await open(),
    reopen: open,
    newId: systemRandom.uuid,
    read: async (device, offset, length) =>
      blocks(device).get(offset / simulatedBlockBytes) ?? '\0'.repeat(length),
    write: async (device, offset, text) =>
      void blocks(device).set(offset / simulatedBlockBytes, text),
    administratorsVolume: '/dev/array/foreign',
    async boot() {
      const { attached } = world.kernel('host')
      const { volumes, fenced } = world.array('array')
      attached.clear()
      for (const volume of volumes.values())
        if (!volume.managed && !fenced.has(volume.id))
          attached.set(`/dev/array/${volume.id}`, volume)
      return attached.has('/dev/array/foreign')
    },
    dispose: async () => {},
  }
  return fixture
})
