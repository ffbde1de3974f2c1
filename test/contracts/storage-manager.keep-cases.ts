import assert from 'node:assert/strict'
import type { KeepMode } from '../../src/model/replication.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import type { ContractCase } from './contract.ts'
import {
  mirroredVdis,
  type StorageManagerFixture,
  type StorageSide,
  untilReplication,
  untilSynced,
} from './storage-manager.fixture.ts'
import { rejectsWith } from './volume-store.cases.ts'

interface Place {
  readonly side: StorageSide
  readonly id: string
  readonly device: string
}

/** Where the VM is, and where the replica of its disk is. */
interface Kept {
  readonly vm: Place
  readonly replica: Place
  readonly replication: string
}

async function modesOf({ source, target }: StorageManagerFixture): Promise<readonly KeepMode[]> {
  const there = await target.manager.facts()
  return (await source.manager.facts()).keepModes.filter((mode) => there.keepModes.includes(mode))
}

async function keep({ vm, replica, replication }: Kept, mode: KeepMode, forMs: number | null) {
  const common = { vm: 'vm-1', slot: 'vda', other: 'pool/other', mode, forMs }
  await vm.side.manager.keepReplication(replication, { ...common, side: 'source' })
  await replica.side.manager.keepReplication(replication, { ...common, side: 'target' })
}

async function handOver({ vm, replica, replication }: Kept): Promise<Kept> {
  const sent = [{ vdi: vm.id, replication }]
  const received = [{ vdi: replica.id, replication }]
  await vm.side.manager.armHandover(sent)
  await replica.side.manager.armHandover(received)
  await vm.side.manager.releaseDisks(sent)
  await replica.side.manager.takeDisks(received)
  return { vm: replica, replica: vm, replication }
}

/** A VM that has moved from the source to the target; its disk there has been kept. */
async function moved(fixture: StorageManagerFixture, mode: KeepMode, forMs: number | null) {
  const { from, to, replication } = await mirroredVdis(fixture)
  await untilSynced(fixture, replication)
  const kept = await handOver({
    vm: { side: fixture.source, ...from },
    replica: { side: fixture.target, ...to },
    replication,
  })
  await keep(kept, mode, forMs)
  await kept.replica.side.manager.deactivate(kept.replica.id)
  return kept
}

/** The replica is a mirror again, of the same id. */
async function beginAgain({ vm, replica, replication }: Kept): Promise<void> {
  const { uri } = await replica.side.manager.getReplicationTarget(replica.id)
  await replica.side.manager.activate(replica.id)
  const begun = await vm.side.manager.replicateTo(vm.id, uri)
  assert.equal(begun.id, replication)
}

async function isThere(manager: StorageManager, vdi: string): Promise<boolean> {
  return (await manager.listVdis()).some(({ id }) => id === vdi)
}

async function untilGone(manager: StorageManager, id: string, deadlineMs: number): Promise<void> {
  const untilMs = performance.now() + deadlineMs
  while ((await manager.listReplications()).some((one) => one.id === id)) {
    assert.ok(performance.now() < untilMs, `replication ${id} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const keepCases: readonly ContractCase<StorageManagerFixture>[] = [
  {
    name: 'keeps the disk that a VM has left, out of everybody’s reach, and goes on from it',
    async run(fixture) {
      for (const mode of await modesOf(fixture)) {
        const kept = await moved(fixture, mode, null)
        const { vm, replica, replication } = kept
        const { manager } = replica.side
        await vm.side.write(vm.device, 10, 'written while it is kept')
        const seen = await manager.getReplication(replication)
        assert.equal(seen.side, 'target')
        assert.equal(seen.kept?.mode, mode)
        assert.equal(seen.kept.untilMs, null)
        await rejectsWith('BUSY', manager.activate(replica.id))
        await rejectsWith('BUSY', manager.detach(replica.id))
        await rejectsWith('WRONG_STATE', manager.destroyVdi(replica.id))
        await rejectsWith('REPLICATION_LOST', manager.takeDisks([{ vdi: replica.id, replication }]))
        await beginAgain(kept)
        await untilSynced(fixture, replication)
        const back = await handOver(kept)
        assert.equal(await back.vm.side.read(back.vm.device, 10, 24), 'written while it is kept')
        assert.equal(await back.vm.side.read(back.vm.device, 3, 25), 'written before the mirror')
        await keep(back, mode, null)
        await back.replica.side.manager.deactivate(back.replica.id)
        await back.vm.side.write(back.vm.device, 11, 'kept the other way round')
        await back.replica.side.manager.stopReplication(replication, 'nothing')
        await back.vm.side.manager.stopReplication(replication, 'volume')
        assert.equal(await isThere(back.replica.side.manager, back.replica.id), false)
        await back.vm.side.write(back.vm.device, 12, 'goes on')
      }
    },
  },
  {
    name: 'copies all of it when the source knows nothing of a replica',
    async run(fixture) {
      for (const mode of await modesOf(fixture)) {
        const kept = await moved(fixture, mode, null)
        await kept.vm.side.manager.stopReplication(kept.replication, 'nothing')
        await kept.vm.side.write(kept.vm.device, 20, 'nobody has noted this')
        await beginAgain(kept)
        await untilSynced(fixture, kept.replication)
        const back = await handOver(kept)
        assert.equal(await back.vm.side.read(back.vm.device, 20, 21), 'nobody has noted this')
        await back.replica.side.manager.stopReplication(kept.replication, 'nothing')
        await back.vm.side.manager.stopReplication(kept.replication, 'volume')
      }
    },
  },
  {
    name: 'is a replica again when what was begun is taken back',
    async run(fixture) {
      for (const mode of await modesOf(fixture)) {
        const kept = await moved(fixture, mode, null)
        const { vm, replica, replication } = kept
        await beginAgain(kept)
        await untilSynced(fixture, replication)
        await vm.side.manager.keepReplication(replication)
        await replica.side.manager.keepReplication(replication)
        await replica.side.manager.deactivate(replica.id)
        for (const { side } of [vm, replica])
          assert.equal((await side.manager.getReplication(replication)).kept?.mode, mode)
        await vm.side.write(vm.device, 30, 'after it was taken back')
        await beginAgain(kept)
        await untilSynced(fixture, replication)
        const back = await handOver(kept)
        assert.equal(await back.vm.side.read(back.vm.device, 30, 23), 'after it was taken back')
      }
    },
  },
  {
    name: 'ends replicas by itself when their time has come',
    async run(fixture) {
      for (const mode of await modesOf(fixture)) {
        const { vm, replica, replication } = await moved(fixture, mode, 1_000)
        for (const { side } of [vm, replica])
          await untilGone(side.manager, replication, fixture.deadlineMs + 1_000)
        assert.equal(await isThere(replica.side.manager, replica.id), false)
        assert.equal(await isThere(vm.side.manager, vm.id), true)
        await vm.side.write(vm.device, 40, 'goes on without it')
      }
    },
  },
  {
    name: 'ends its replica when a disk is mirrored elsewhere',
    async run(fixture) {
      for (const mode of await modesOf(fixture)) {
        const { vm, replica, replication } = await moved(fixture, mode, null)
        const other = await replica.side.manager.createVdi({
          ...{ id: fixture.newId(), sr: replica.side.sr, name: 'other' },
          sizeBytes: (await vm.side.manager.getVdi(vm.id)).sizeBytes,
        })
        await replica.side.manager.attach(other.id)
        await replica.side.manager.activate(other.id)
        const { uri, replication: next } = await replica.side.manager.getReplicationTarget(other.id)
        await vm.side.manager.replicateTo(vm.id, uri)
        const isSynced = ({ state }: { readonly state: string }) => state === 'synced'
        await untilReplication(vm.side.manager, next, isSynced, fixture.deadlineMs)
        await rejectsWith('NOT_FOUND', vm.side.manager.getReplication(replication))
        await replica.side.manager.stopReplication(replication, 'nothing')
        await vm.side.manager.stopReplication(next, 'volume')
        await replica.side.manager.stopReplication(next, 'nothing')
      }
    },
  },
]
