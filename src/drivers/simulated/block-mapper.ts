import { CrosspoolError } from '../../model/errors.ts'
import type { BlockMapper } from '../../ports/block-mapper.ts'
import type { SimulatedBlocks } from './blocks.ts'
import { createFaults, type Faults } from './faults.ts'
import { MappedDevice } from './mapped-device.ts'

const directory = '/dev/mapper/'

/** Device-mapper of a simulated host. */
export function createSimulatedBlockMapper(
  blocks: SimulatedBlocks,
  faults: Faults = createFaults(),
): BlockMapper {
  const act = <Result>(name: string, perform: () => Promise<Result> | Result) =>
    faults.around(`mapper.${name}`, perform)
  const pathOf = (name: string) => `${directory}${name}`

  function find(name: string): MappedDevice | null {
    const device = blocks.devices.get(pathOf(name))
    return device instanceof MappedDevice ? device : null
  }

  function existing(name: string): MappedDevice {
    const device = find(name)
    if (device) return device
    throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: name })
  }

  return {
    create: (name, table) =>
      act('create', async () => {
        const found = find(name)
        if (found === null) {
          blocks.devices.set(pathOf(name), new MappedDevice(blocks, table))
          return
        }
        if (JSON.stringify(found.table) !== JSON.stringify(table))
          throw new CrosspoolError('ALREADY_EXISTS', { kind: 'device', id: name })
        if (found.isSuspended) await found.resume()
      }),

    load: (name, table) => act('load', () => existing(name).load(table)),
    clear: (name) => act('clear', () => find(name)?.clear()),

    suspend: (names) =>
      act('suspend', async () => {
        for (const name of names) await existing(name).suspend()
      }),

    resume: (names) =>
      act('resume', async () => {
        // One after the other, as dmsetup does it.
        for (const name of names) await existing(name).resume()
      }),

    remove: (name) =>
      act('remove', () => {
        const device = find(name)
        if (device === null) return
        if (device.openCount > 0)
          throw new CrosspoolError('BUSY', { kind: 'device', id: name, user: 'who has it open' })
        device.destroy()
        blocks.devices.delete(pathOf(name))
      }),

    async inspect(name) {
      const device = find(name)
      if (device === null) return null
      const { table, isSuspended, openCount } = device
      return { name, table, isSuspended, openCount }
    },

    async list(prefix) {
      return [...blocks.devices.keys()]
        .filter(
          (path) =>
            path.startsWith(pathOf(prefix)) && blocks.devices.get(path) instanceof MappedDevice,
        )
        .map((path) => path.slice(directory.length))
        .sort()
    },

    async nameOf(devicePath) {
      const device = blocks.devices.get(devicePath)
      if (!(device instanceof MappedDevice)) return null
      const path = [...blocks.devices].find(([, each]) => each === device)?.[0]
      return path === undefined ? null : path.slice(directory.length)
    },

    flush: (devicePath) => act('flush', () => blocks.device(devicePath).flush()),

    mirrorState: async (name) => existing(name).mirror.state,
    pathOf,
  }
}
