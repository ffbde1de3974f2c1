import assert from 'node:assert/strict'
import type { Replication } from '../../src/model/replication.ts'
import { parseReplicationUri } from '../../src/model/replication-uri.ts'
import type { ContractCase } from './contract.ts'
import {
  activeVdi,
  mirroredVdis,
  type StorageManagerFixture,
  untilReplication,
  untilSynced,
  vdiBytes,
} from './storage-manager.fixture.ts'
import { rejectsWith } from './volume-store.cases.ts'

export const replicationCases: readonly ContractCase<StorageManagerFixture>[] = [
  {
    name: 'mirrors a disk in use by one URI, and takes the mirror out again',
    async run(fixture) {
      const { source, target } = fixture
      const { from, to, replication } = await mirroredVdis(fixture)
      await source.write(from.device, 5, 'written while it is mirrored')
      await untilSynced(fixture, replication)
      const seen = await source.manager.getReplication(replication)
      assert.equal(seen.outOfSyncBytes, 0)
      assert.equal(seen.vdi, from.id)
      assert.equal((await source.manager.getVdi(from.id)).replication, replication)
      await rejectsWith('BUSY', source.manager.deactivate(from.id))
      await rejectsWith('WRONG_STATE', source.manager.destroyVdi(from.id))
      await source.manager.stopReplication(replication, 'volume')
      await target.manager.stopReplication(replication, 'volume')
      await source.manager.stopReplication(replication, 'volume')
      await rejectsWith('NOT_FOUND', source.manager.getReplication(replication))
      assert.equal((await target.manager.getVdi(to.id)).replication, null)
      assert.equal(await target.read(to.device, 3, 25), 'written before the mirror')
      assert.equal(await target.read(to.device, 5, 28), 'written while it is mirrored')
      await source.write(from.device, 5, 'the VM runs on')
    },
  },
  {
    name: 'answers the same URI until it is used',
    async run(fixture) {
      const { target, newId } = fixture
      const { id } = await activeVdi(target, newId())
      const first = await target.manager.getReplicationTarget(id)
      assert.deepEqual(await target.manager.getReplicationTarget(id), first)
      assert.equal(parseReplicationUri(first.uri).sizeBytes, vdiBytes)
      assert.equal((await target.manager.getReplication(first.replication)).state, 'offered')
      await rejectsWith('NOT_SUPPORTED', target.manager.getReplicationTarget(id, ['unheard-of']))
      await target.manager.stopReplication(first.replication, 'volume')
      const second = await target.manager.getReplicationTarget(id)
      assert.notEqual(second.uri, first.uri)
    },
  },
  {
    name: 'refuses a URI that is wrong, used, withdrawn or for another size',
    async run(fixture) {
      const { source, target, newId } = fixture
      const { uri, to } = await mirroredVdis(fixture)
      const { manager } = source
      const { id } = await activeVdi(source, newId())
      const other = await activeVdi(target, newId())
      const offer = await target.manager.getReplicationTarget(other.id)
      const wrongSecret = offer.uri.replace(/secret=./, (text) =>
        text.endsWith('0') ? 'secret=1' : 'secret=0',
      )
      const unknown = offer.uri.replace(offer.replication, newId())
      const nowhere = offer.uri.replace(/:\/\/[^/]*/, '://127.0.0.1:1')
      await rejectsWith('URI_INVALID', manager.replicateTo(id, 'http://example.org/'))
      await rejectsWith('URI_INVALID', manager.replicateTo(id, offer.uri.replace(/^\w+/, 'smoke')))
      await rejectsWith('URI_REFUSED', manager.replicateTo(id, uri))
      await rejectsWith('URI_REFUSED', manager.replicateTo(id, wrongSecret))
      await rejectsWith('URI_REFUSED', manager.replicateTo(id, unknown))
      await rejectsWith('PEER_UNREACHABLE', manager.replicateTo(id, nowhere))
      const otherSize = offer.uri.replace(`size=${vdiBytes}`, `size=${vdiBytes + 512}`)
      await rejectsWith('SIZE_MISMATCH', manager.replicateTo(id, otherSize))
      await rejectsWith('BUSY', target.manager.getReplicationTarget(to.id))
      // None of that left anything on this side, or used the URI up.
      assert.equal((await manager.getVdi(id)).replication, null)
      const started = await manager.replicateTo(id, offer.uri)
      assert.equal(started.id, offer.replication)
      assert.equal((await manager.replicateTo(id, offer.uri)).id, offer.replication)
      await rejectsWith('BUSY', manager.replicateTo(id, unknown))
    },
  },
  {
    name: 'keeps a limit that it is told before it copies, while, or after',
    async run(fixture) {
      const { source, target, newId } = fixture
      const { id } = await activeVdi(source, newId())
      const to = await activeVdi(target, newId())
      const { uri, replication } = await target.manager.getReplicationTarget(to.id)
      const limitOf = async ({ manager }: typeof source) =>
        (await manager.getReplication(replication)).bytesPerSecondMax
      await target.manager.limitReplication(replication, 1024 * 1024)
      await source.manager.replicateTo(id, uri)
      assert.equal((await source.manager.limitReplication(replication, 1e6)).bytesPerSecondMax, 1e6)
      assert.equal(await limitOf(target), 1024 * 1024)
      for (const { manager } of [source, target]) await manager.limitReplication(replication, null)
      await untilSynced(fixture, replication)
      assert.equal(await limitOf(source), null)
      await target.manager.limitReplication(replication, 1024 * 1024)
      assert.equal(await limitOf(target), 1024 * 1024)
      await rejectsWith('NOT_FOUND', source.manager.limitReplication(newId(), null))
    },
  },
  {
    name: 'compares both sides of a replication where its datapath can, or says that it cannot',
    async run(fixture) {
      const { source, target, newId } = fixture
      const { replication } = await mirroredVdis(fixture)
      await untilSynced(fixture, replication)
      await rejectsWith('NOT_FOUND', source.manager.verifyReplication(newId()))
      await rejectsWith('NOT_SUPPORTED', target.manager.verifyReplication(replication))
      if (!(await source.manager.facts()).verifies)
        return await rejectsWith('NOT_SUPPORTED', source.manager.verifyReplication(replication))
      await source.manager.verifyReplication(replication)
      const isDone = ({ verification }: Replication) => verification?.state === 'done'
      const { verification, state } = await untilReplication(
        source.manager,
        replication,
        isDone,
        fixture.deadlineMs,
      )
      assert.equal(state, 'synced')
      assert.ok(verification?.state === 'done')
      assert.deepEqual([verification.comparedBytes, verification.differentBytes], [vdiBytes, 0])
    },
  },
  {
    name: 'takes a URI only from the storage manager that it is for, and follows it only to the right key',
    async run({ source, target, newId }) {
      const { manager } = source
      const { id } = await activeVdi(source, newId())
      const other = await activeVdi(target, newId())
      const { fingerprint } = await target.manager.facts()
      const foreign = await target.manager.getReplicationTarget(other.id, undefined, fingerprint)
      await rejectsWith('URI_REFUSED', manager.replicateTo(id, foreign.uri))
      await target.manager.stopReplication(foreign.replication, 'volume')
      const { fingerprint: own } = await manager.facts()
      const offer = await target.manager.getReplicationTarget(other.id, undefined, own)
      const wrongKey = offer.uri.replace(/pin=.{4}/, 'pin=AAAA')
      await rejectsWith('PEER_UNTRUSTED', manager.replicateTo(id, wrongKey))
      assert.equal((await manager.replicateTo(id, offer.uri)).id, offer.replication)
    },
  },
  {
    name: 'never shows the secret',
    async run(fixture) {
      const { source, target } = fixture
      const { uri, replication } = await mirroredVdis(fixture)
      const { secret } = parseReplicationUri(uri)
      for (const { manager } of [source, target]) {
        const shown = JSON.stringify([
          await manager.listReplications(),
          await manager.getReplication(replication),
          await manager.listVdis(),
          await manager.leftovers(),
        ])
        assert.ok(shown.includes(replication))
        assert.ok(!shown.includes(secret))
      }
    },
  },
  {
    name: 'tells a watcher every change until the mirror has been taken out',
    async run(fixture) {
      const { manager } = fixture.source
      const { replication } = await mirroredVdis(fixture)
      const states: string[] = []
      const note = ({ state }: Replication) => {
        states.push(state)
        return state === 'stopped'
      }
      const stopped = untilReplication(manager, replication, note, fixture.deadlineMs)
      await untilSynced(fixture, replication)
      await manager.stopReplication(replication, 'volume')
      await stopped
      assert.equal(states.at(-1), 'stopped')
      assert.ok(states.includes('synced'))
    },
  },
  {
    name: 'goes on with a mirror when the storage managers are started anew',
    isFor: ({ source, target }) => source.restart !== undefined && target.restart !== undefined,
    async run(fixture) {
      const { source, target, deadlineMs } = fixture
      const { from, replication } = await mirroredVdis(fixture)
      await untilSynced(fixture, replication)
      const managers = [await source.restart?.(), await target.restart?.()]
      for (const manager of managers) {
        assert.ok(manager)
        const isSynced = ({ state }: { state: string }) => state === 'synced'
        await untilReplication(manager, replication, isSynced, deadlineMs)
      }
      await source.write(from.device, 1, 'after the restart')
      assert.equal((await managers[0]?.getVdi(from.id))?.state, 'activated')
    },
  },
  {
    name: 'says when the link is cut, and catches up when it is back',
    isFor: ({ cutLink, mendLink }) => cutLink !== undefined && mendLink !== undefined,
    async run(fixture) {
      const { source, target, deadlineMs } = fixture
      const { from, to, replication } = await mirroredVdis(fixture)
      await untilSynced(fixture, replication)
      await fixture.cutLink?.()
      const isInterrupted = ({ state }: { state: string }) => state === 'interrupted'
      await untilReplication(source.manager, replication, isInterrupted, deadlineMs)
      await source.write(from.device, 9, 'written meanwhile')
      await fixture.mendLink?.()
      await untilSynced(fixture, replication)
      await target.manager.stopReplication(replication, 'volume')
      assert.equal(await target.read(to.device, 9, 17), 'written meanwhile')
    },
  },
]
