import type { MetadataVolumes } from '../../ports/metadata-volumes.ts'
import type { SimulatedBlocks } from './blocks.ts'

const directory = '/dev/metadata/'

/** Metadata volumes of a simulated host. */
export function createSimulatedMetadataVolumes(blocks: SimulatedBlocks): MetadataVolumes {
  return {
    async create(name, sizeBytes) {
      const path = `${directory}${name}`
      if (!blocks.devices.has(path)) blocks.addVolume(path, sizeBytes)
      return path
    },
    async remove(name) {
      blocks.removeVolume(`${directory}${name}`)
    },
    async list() {
      return [...blocks.devices.keys()]
        .filter((path) => path.startsWith(directory))
        .sort()
        .map((path) => ({ name: path.slice(directory.length), device: path }))
    },
  }
}
