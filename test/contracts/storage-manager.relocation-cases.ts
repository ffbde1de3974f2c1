import assert from 'node:assert/strict'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import type { ContractCase } from './contract.ts'
import {
  activeVdi,
  mirroredVdis,
  type StorageManagerFixture,
  type StorageSide,
  vdiBytes,
} from './storage-manager.fixture.ts'
import { rejectsWith } from './volume-store.cases.ts'

const never = new AbortController().signal

/** Moves it and waits for the end; answers how that was. */
async function move(manager: StorageManager, vdi: string, sr: string) {
  const left: number[] = []
  await manager.relocate(vdi, sr)
  const last = await manager.followRelocation(vdi, ({ leftBytes }) => left.push(leftBytes), never)
  assert.equal(left.at(-1), last.leftBytes)
  return last
}

/** In which SRs there is a volume of this VDI. */
async function srsOf({ manager, sr, otherSr }: StorageSide, vdi: string): Promise<string[]> {
  const lists = [sr, otherSr].map(async (each) => await manager.listVdis({ sr: each }))
  return (await Promise.all(lists))
    .flat()
    .filter(({ id }) => id === vdi)
    .map((found) => found.sr)
}

export const relocationCases: readonly ContractCase<StorageManagerFixture>[] = [
  {
    name: 'moves a disk in use to another SR, where it has the same device',
    async run({ source, newId }) {
      const { manager, otherSr, sr } = source
      const { id, device } = await activeVdi(source, newId())
      await source.write(device, 1, 'kept')
      assert.equal((await move(manager, id, otherSr)).state, 'moved')
      const moved = await manager.getVdi(id)
      assert.deepEqual([moved.sr, moved.device, moved.state], [otherSr, device, 'activated'])
      assert.deepEqual(await srsOf(source, id), [otherSr])
      assert.equal((await manager.relocate(id, otherSr)).sr, otherSr)
      await source.write(device, 2, 'there')
      await manager.deactivate(id)
      await manager.detach(id)
      assert.equal((await move(manager, id, sr)).state, 'moved')
      assert.equal((await manager.getVdi(id)).state, 'detached')
      assert.deepEqual(await srsOf(source, id), [sr])
      await manager.attach(id)
      await manager.activate(id)
      assert.equal(await source.read(device, 1, 4), 'kept')
      assert.equal(await source.read(device, 2, 5), 'there')
    },
  },
  {
    name: 'takes a move back when it is cancelled',
    // Without a hold it may be over before it can be cancelled.
    isFor: ({ holdCopies }) => holdCopies !== undefined,
    async run({ source, newId, holdCopies }) {
      const { manager, otherSr, sr } = source
      const { id, device } = await activeVdi(source, newId())
      await source.write(device, 1, 'kept')
      holdCopies?.(true)
      await manager.relocate(id, otherSr)
      await rejectsWith('BUSY', manager.deactivate(id))
      await rejectsWith('BUSY', manager.getReplicationTarget(id))
      await manager.cancelRelocation(id)
      await manager.cancelRelocation(id)
      holdCopies?.(false)
      const last = await manager.followRelocation(id, () => {}, never)
      assert.deepEqual([last.state, last.error?.code], ['failed', 'CANCELLED'])
      assert.deepEqual(await srsOf(source, id), [sr])
      await source.write(device, 2, 'here')
      assert.equal(await source.read(device, 1, 4), 'kept')
      await manager.deactivate(id)
      await manager.detach(id)
    },
  },
  {
    name: 'moves nothing that is mirrored, not there, or to where there is no room',
    async run(fixture) {
      const { source, newId } = fixture
      const { manager, otherSr } = source
      const { from, replication } = await mirroredVdis(fixture)
      await rejectsWith('BUSY', manager.relocate(from.id, otherSr))
      await manager.stopReplication(replication, 'volume')
      await fixture.target.manager.stopReplication(replication, 'nothing')
      await rejectsWith('NOT_FOUND', manager.relocate(from.id, newId()))
      await rejectsWith('NOT_FOUND', manager.relocate(newId(), otherSr))
      await rejectsWith(
        'NOT_FOUND',
        manager.followRelocation(newId(), () => {}, never),
      )
    },
  },
  {
    name: 'has one volume for a disk after a restart in the middle of its move',
    isFor: ({ source }) => source.restart !== undefined,
    async run({ source, newId }) {
      const { id, device } = await activeVdi(source, newId())
      await source.write(device, 1, 'kept')
      await source.manager.relocate(id, source.otherSr)
      const manager = await source.restart?.()
      assert.ok(manager)
      const { sr } = await manager.getVdi(id)
      assert.deepEqual(await srsOf({ ...source, manager }, id), [sr])
      assert.deepEqual(
        (await manager.leftovers()).filter(({ reason }) => reason === null),
        [],
      )
      await source.write(device, 2, 'after')
      if (sr !== source.otherSr) {
        await manager.createVdi({ id: newId(), sr, name: 'another', sizeBytes: vdiBytes })
        assert.equal((await move(manager, id, source.otherSr)).state, 'moved')
      }
      assert.equal(await source.read(device, 1, 4), 'kept')
      assert.equal(await source.read(device, 2, 5), 'after')
      await manager.deactivate(id)
      await manager.detach(id)
    },
  },
]
