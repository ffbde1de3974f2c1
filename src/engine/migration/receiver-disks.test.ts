import { expect, test } from 'vitest'
import type { VdiState } from '../../model/vdi.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'
import { removeReceiverDisks } from './receiver-disks.ts'

/** What is asked of a storage manager that has one VDI in this state, and no mirrors. */
async function askedToRemove(state: VdiState, created: boolean): Promise<readonly string[]> {
  const asked: string[] = []
  const storage: Partial<Record<keyof StorageManager, unknown>> = {
    listReplications: async () => [],
    listVdis: async () => [{ id: 'v-1', state }],
    deactivate: async () => asked.push('deactivate'),
    detach: async () => asked.push('detach'),
    destroyVdi: async () => asked.push('destroy'),
  }
  const disk = {
    ...{ slot: 'xvda', vdi: 'v-1', sr: 's-1', name: 'disk', sizeBytes: 512, isReplica: !created },
    ...{ created, device: null, uri: null, replication: null },
  }
  await removeReceiverDisks(storage as unknown as StorageManager, [disk])
  return asked
}

test('what was made for a refused VM is put away as far as it had come, and removed', async () => {
  expect(await askedToRemove('activated', true)).toEqual(['deactivate', 'detach', 'destroy'])
  expect(await askedToRemove('attached', true)).toEqual(['detach', 'destroy'])
  expect(await askedToRemove('detached', true)).toEqual(['destroy'])
})

test('a disk of the administrator that was a replica, and has been given back, stays as it is', async () => {
  expect(await askedToRemove('activated', false)).toEqual(['deactivate', 'detach'])
  expect(await askedToRemove('adopted', false)).toEqual([])
})
