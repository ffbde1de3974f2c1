import { open } from 'node:fs/promises'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { createPluginVolumeStores } from '../../src/drivers/volume-store-plugin/index.ts'
import { installFolderPlugin } from '../support/folder-plugin.ts'
import { describeVolumeStoreContract } from './volume-store.contract.ts'

const makeStore = createPluginVolumeStores(systemCommandRunner)

describeVolumeStoreContract('volume store of a SMAPIv3 plug-in', async () => {
  const { root, plugin, sr, remove } = await installFolderPlugin()
  const id = systemRandom.uuid()
  const configuration = { root, plugin, configuration: { path: sr }, create: true, zeroes: true }
  const reopen = async () => {
    const store = makeStore({ id, configuration })
    await store.open()
    return store
  }
  return {
    store: await reopen(),
    reopen,
    newId: systemRandom.uuid,
    read: async (device, offsetBytes, lengthBytes) => {
      const file = await open(device, 'r')
      const { buffer } = await file.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes)
      await file.close()
      return buffer.toString()
    },
    write: async (device, offsetBytes, text) => {
      const file = await open(device, 'r+')
      await file.write(text, offsetBytes)
      await file.close()
    },
    dispose: remove,
  }
})
