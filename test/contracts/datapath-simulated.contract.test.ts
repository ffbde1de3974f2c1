import { setImmediate } from 'node:timers/promises'
import { afterEach, expect } from 'vitest'
import { createSimulatedDatapath } from '../../src/drivers/simulated/datapath.ts'
import { readBlock, writeBlock } from '../../src/drivers/simulated/datapath-device.ts'
import {
  createStorageWorld,
  type SimulatedVolume,
  type StorageWorld,
} from '../../src/drivers/simulated/storage-world.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import type { DatapathHost } from './datapath.fixture.ts'
import { datapathKeepCases } from './datapath.keep-cases.ts'
import { describeContract } from './describe-contract.ts'

let world: StorageWorld | undefined

// The rest of the contract is for datapaths that know who holds a device; the simulated one keeps the handover's rules.
describeContract('simulated datapath', datapathKeepCases, async () => {
  const storage = createStorageWorld({ clock: systemClock })
  world = storage
  let ids = 0
  return {
    source: datapathHost(storage, 'alpha1'),
    target: datapathHost(storage, 'beta1'),
    newId() {
      ids += 1
      return `mirror-${ids}`
    },
    deadlineMs: 5_000,
    cutLink: async () => storage.cutLink('alpha1', 'beta1'),
    mendLink: async () => storage.mendLink('alpha1', 'beta1'),
    pause: () => setImmediate(),
    dispose: async () => {},
  }
})

afterEach(() => expect(world?.violations).toEqual([]))

function datapathHost(storage: StorageWorld, host: string): DatapathHost {
  const { attached } = storage.kernel(host)
  let datapath = createSimulatedDatapath(storage, host)
  let disks = 0
  return {
    get datapath() {
      return datapath
    },
    async restart() {
      datapath = createSimulatedDatapath(storage, host)
    },
    async makeDisk(sizeBytes) {
      disks += 1
      const vdi = `vdi-${host}-${disks}`
      const volumePath = `/dev/${vdi}`
      const volume: SimulatedVolume = {
        ...{ id: vdi, name: vdi, sizeBytes, managed: true, blocks: new Map() },
      }
      attached.set(volumePath, volume)
      return { vdi, sizeBytes, volumePath, format: 'raw', adopted: null }
    },
    makeAdoptable: null,
    tableOf: async () => '',
    // The simulation's blocks are numbers; these are one sector long. A guest that never waits would let nobody else run.
    async write(path, sector, text) {
      await setImmediate()
      await writeBlock(storage, host, path, sector, text)
    },
    read: async (path, sector) =>
      attached.get(path)?.blocks.get(sector) ??
      (attached.has(path) ? '' : (readBlock(storage, host, path, sector) ?? '')),
    hold: async () => async () => {},
  }
}
