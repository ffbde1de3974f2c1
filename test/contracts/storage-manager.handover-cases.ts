import assert from 'node:assert/strict'
import type { ContractCase } from './contract.ts'
import { mirroredVdis, type StorageManagerFixture, untilSynced } from './storage-manager.fixture.ts'
import { rejectsWith } from './volume-store.cases.ts'

export const handoverCases: readonly ContractCase<StorageManagerFixture>[] = [
  {
    name: 'hands several disks over at once, and nothing is left behind at the source',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await mirroredVdis(fixture), await mirroredVdis(fixture)]
      for (const { replication } of mirrored) await untilSynced(fixture, replication)
      const sent = mirrored.map(({ from, replication }) => ({ vdi: from.id, replication }))
      const received = mirrored.map(({ to, replication }) => ({ vdi: to.id, replication }))
      await source.manager.armHandover(sent)
      await target.manager.armHandover(received)
      for (const { from } of mirrored) await source.write(from.device, 7, 'the last write')
      await source.manager.releaseDisks(sent)
      await target.manager.takeDisks(received)
      for (const { to } of mirrored) {
        assert.equal(await target.read(to.device, 7, 14), 'the last write')
        await target.write(to.device, 8, 'the VM runs here')
      }
      for (const { from, to, replication } of mirrored) {
        await source.manager.stopReplication(replication, 'nothing')
        await target.manager.stopReplication(replication, 'volume')
        await target.write(to.device, 8, 'and goes on')
        await source.manager.deactivate(from.id)
        await source.manager.detach(from.id)
        await source.manager.destroyVdi(from.id)
        const owners = [from.id, replication]
        const left = (await source.manager.leftovers()).filter((one) => owners.includes(one.owner))
        assert.deepEqual(left, [])
      }
    },
  },
  {
    name: 'takes a released disk back',
    async run(fixture) {
      const { source } = fixture
      const { from, replication } = await mirroredVdis(fixture)
      await untilSynced(fixture, replication)
      const disks = [{ vdi: from.id, replication }]
      await source.manager.armHandover(disks)
      await source.manager.releaseDisks(disks)
      await source.manager.releaseDisks(disks)
      await source.manager.reclaimDisks(disks)
      await source.manager.reclaimDisks(disks)
      await source.write(from.device, 2, 'runs on')
      assert.equal(await source.read(from.device, 2, 7), 'runs on')
    },
  },
  {
    name: 'refuses a handover of what is not here or not what it is said to be',
    async run(fixture) {
      const { source, newId } = fixture
      const { manager } = source
      const { from, replication } = await mirroredVdis(fixture)
      await untilSynced(fixture, replication)
      await rejectsWith('NOT_FOUND', manager.armHandover([{ vdi: newId(), replication: null }]))
      await rejectsWith('BUSY', manager.releaseDisks([{ vdi: from.id, replication: null }]))
      await source.write(from.device, 2, 'runs on')
    },
  },
]
