import { setImmediate } from 'node:timers/promises'
import { createSimulatedBlockMapper } from '../../src/drivers/simulated/block-mapper.ts'
import { SimulatedBlocks } from '../../src/drivers/simulated/blocks.ts'
import { describeBlockMapperContract } from './block-mapper.contract.ts'

describeBlockMapperContract('simulated block mapper', async () => {
  const blocks = new SimulatedBlocks()
  let volumes = 0
  return {
    mapper: createSimulatedBlockMapper(blocks),
    prefix: 'contract-',
    async volume(sizeBytes) {
      volumes += 1
      const path = `/dev/volume${volumes}`
      blocks.addVolume(path, sizeBytes)
      return path
    },
    write: (path, sector, text) => blocks.write(path, sector, text),
    read: (path, sector) => blocks.read(path, sector),
    async hold(path) {
      const close = blocks.device(path).open()
      return async () => close()
    },
    pause: () => setImmediate(),
    dispose: async () => {},
  }
})
