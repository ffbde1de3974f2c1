import { afterEach, expect } from 'vitest'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../src/drivers/simulated/storage-manager.ts'
import type { StorageWorld } from '../../src/drivers/simulated/storage-world.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { describeStorageManagerContract } from './storage-manager.contract.ts'
import type { StorageSide } from './storage-manager.fixture.ts'

let world: StorageWorld | undefined

describeStorageManagerContract('simulated storage manager', async () => {
  const storage = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  world = storage.world
  const source = await side(await storage.addHost('alpha1'))
  const target = await side(await storage.addHost('beta1'))
  return {
    source,
    target,
    newId: systemRandom.uuid,
    deadlineMs: 5_000,
    cutLink: async () => storage.world.cutLink('alpha1', 'beta1'),
    mendLink: async () => storage.world.mendLink('alpha1', 'beta1'),
    holdCopies: (isHeld) => storage.world.holdSync(isHeld),
    dispose: async () => {
      source.manager.close()
      target.manager.close()
    },
  }
})

afterEach(() => expect(world?.violations).toEqual([]))

async function side(host: SimulatedStorageHost) {
  const [sr] = await host.manager.listSrs()
  const wanted = { name: 'other', type: 'simulated', configuration: {} }
  const other = await host.manager.createSr(wanted)
  return {
    get manager() {
      return host.manager
    },
    sr: sr?.id ?? '',
    otherSr: other.id,
    write: host.write,
    read: async (device, block) => host.read(device, block) ?? '',
    restart: async () => {
      await host.restart()
      return host.manager
    },
  } satisfies StorageSide
}
