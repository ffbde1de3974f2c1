import assert from 'node:assert/strict'
import type { ContractCase } from './contract.ts'
import { activeVdi, type StorageManagerFixture, vdiBytes } from './storage-manager.fixture.ts'
import { rejectsWith } from './volume-store.cases.ts'

export const vdiCases: readonly ContractCase<StorageManagerFixture>[] = [
  {
    name: 'makes a VDI once, in whole sectors',
    async run({ source: { manager, sr }, newId }) {
      const id = newId()
      const create = { id, sr, name: 'root', sizeBytes: vdiBytes - 1 }
      const made = await manager.createVdi(create)
      assert.deepEqual(await manager.createVdi(create), made)
      const { name, sizeBytes, managed, state, device, replication } = await manager.getVdi(id)
      assert.deepEqual(
        { name, sizeBytes, managed, state, device, replication },
        {
          ...{ name: 'root', sizeBytes: vdiBytes, managed: true, state: 'detached' },
          ...{ device: null, replication: null },
        },
      )
      assert.ok((await manager.listVdis({ sr })).some((vdi) => vdi.id === id))
      await rejectsWith('ALREADY_EXISTS', manager.createVdi({ ...create, sizeBytes: 512 }))
      const missing = newId()
      await rejectsWith('NOT_FOUND', manager.createVdi({ ...create, id: missing, sr: missing }))
      await rejectsWith('NOT_FOUND', manager.getVdi(missing))
    },
  },
  {
    name: 'leads a VDI through its states and finds it by its device',
    async run({ source, newId }) {
      const { manager } = source
      const { id, device } = await activeVdi(source, newId())
      assert.equal((await manager.activate(id)).device, device)
      assert.deepEqual(
        (await manager.listVdis({ device })).map((vdi) => vdi.id),
        [id],
      )
      await source.write(device, 1, 'kept')
      assert.equal((await manager.deactivate(id)).state, 'attached')
      assert.equal((await manager.detach(id)).state, 'detached')
      assert.equal((await manager.detach(id)).state, 'detached')
      await rejectsWith('WRONG_STATE', manager.activate(id))
      await manager.attach(id)
      assert.equal((await manager.activate(id)).device, device)
      assert.equal(await source.read(device, 1, 4), 'kept')
    },
  },
  {
    name: 'destroys a VDI that nobody uses, and no other',
    async run({ source, newId }) {
      const { manager } = source
      const { id } = await activeVdi(source, newId())
      await rejectsWith('WRONG_STATE', manager.destroyVdi(id))
      await manager.deactivate(id)
      await rejectsWith('WRONG_STATE', manager.destroyVdi(id))
      await manager.detach(id)
      await manager.destroyVdi(id)
      await manager.destroyVdi(id)
      await rejectsWith('NOT_FOUND', manager.getVdi(id))
    },
  },
  {
    name: 'gives a reason for all that it has here, and none is left when all is gone',
    async run({ source, newId }) {
      const { manager } = source
      const { id } = await activeVdi(source, newId())
      const ours = (await manager.leftovers()).filter(({ owner }) => owner === id)
      assert.ok(ours.length >= 2, 'neither the device nor the volume is listed')
      assert.deepEqual(
        ours.filter(({ reason }) => reason === null),
        [],
      )
      await manager.deactivate(id)
      await manager.detach(id)
      await manager.destroyVdi(id)
      const left = (await manager.leftovers()).filter(({ owner }) => owner === id)
      assert.deepEqual(left, [])
    },
  },
  {
    name: 'tells its SRs and makes one of an unknown type for nobody',
    async run({ source: { manager, sr } }) {
      const own = (await manager.listSrs()).find(({ id }) => id === sr)
      assert.ok(own && own.sizeBytes > 0)
      assert.deepEqual(await manager.createSr({ ...own, id: undefined }), {
        ...(await manager.listSrs()).find(({ id }) => id === sr),
      })
      await rejectsWith(
        'NOT_SUPPORTED',
        manager.createSr({ name: 'unheard of', type: 'unheard-of', configuration: {} }),
      )
      await rejectsWith('NOT_FOUND', manager.forgetSr('unheard-of'))
    },
  },
]
