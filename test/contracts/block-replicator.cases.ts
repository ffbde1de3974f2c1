import assert from 'node:assert/strict'
import {
  type BlockReplicatorFixture,
  bothSynced,
  defined,
  isSynced,
  presentState,
  replicated,
  sizeBytes,
  untilState,
} from './block-replicator.fixture.ts'
import type { ContractCase } from './contract.ts'
import { expectCode } from './expect-code.ts'

const lastSector = sizeBytes / 512 - 1

export const blockReplicatorCases: readonly ContractCase<BlockReplicatorFixture>[] = [
  {
    name: 'reserves an endpoint of its own for each name until it is taken down',
    async run({ hosts: [{ replicator }], newName }) {
      const [one, two] = [newName(), newName()]
      const first = await replicator.reserve(one)
      const second = await replicator.reserve(two)
      assert.notEqual(first.port, second.port)
      assert.notEqual(await replicator.devicePath(one), await replicator.devicePath(two))
      assert.deepEqual(await replicator.reserve(one), first)
      const listed = await replicator.list()
      assert.ok(listed.includes(one) && listed.includes(two))
      await replicator.down(one)
      await replicator.down(one)
      assert.ok(!(await replicator.list()).includes(one))
      await expectCode('NOT_FOUND', replicator.devicePath(one))
    },
  },
  {
    name: 'can be limited and freed while it copies',
    async run(fixture) {
      const pair = await defined(fixture, async (host, disk) => host.write(disk, 8, 'some data'))
      const { name, source, target } = pair
      await target.replicator.limit(name, 1024 * 1024)
      await target.replicator.connect(name)
      await source.replicator.connect(name)
      await target.replicator.limit(name, null)
      await bothSynced(fixture, pair)
      assert.equal(await target.read(pair.targetDisk, 8), 'some data')
      await expectCode('NOT_FOUND', target.replicator.limit(fixture.newName(), null))
    },
  },
  {
    name: 'copies the disk of the source, however it was written, to the target',
    async run(fixture) {
      const pair = await defined(fixture, async (host, disk) => {
        await host.write(disk, 0, 'before it was replicated')
        await host.write(disk, lastSector, 'at the very end')
      })
      const { name, source, target } = pair
      await source.write(pair.sourceDevice, 8, 'before it was connected')
      await target.replicator.connect(name)
      await source.replicator.connect(name)
      await source.write(pair.sourceDevice, 16, 'during the sync')
      await bothSynced(fixture, pair)
      await source.write(pair.sourceDevice, 24, 'after the sync')
      const expected = new Map([
        [0, 'before it was replicated'],
        [8, 'before it was connected'],
        [16, 'during the sync'],
        [24, 'after the sync'],
        [lastSector, 'at the very end'],
      ])
      for (const [sector, text] of expected) {
        assert.equal(await source.read(pair.sourceDisk, sector), text)
        assert.equal(await target.read(pair.targetDisk, sector), text)
      }
      const state = await presentState(source, name)
      assert.equal(state?.outOfSyncBytes, 0)
      // Zeroes need not cross the link.
      assert.ok((state?.sentBytes ?? 0) >= expected.size * 512)
      const other = await presentState(target, name)
      assert.deepEqual([other?.role, other?.peerRole], ['Secondary', 'Primary'])
      assert.ok((other?.receivedBytes ?? 0) >= expected.size * 512)
    },
  },
  {
    name: 'has one Primary at a time, and hands it over',
    async run(fixture) {
      const pair = await replicated(fixture)
      const { name, source, target } = pair
      await expectCode('HANDOVER_REFUSED', target.replicator.promote(name))
      await assert.rejects(target.write(pair.targetDevice, 1, 'not writable'))
      await source.write(pair.sourceDevice, 1, 'the last write')
      await source.replicator.demote(name)
      await source.replicator.demote(name)
      assert.equal((await presentState(source, name))?.role, 'Secondary')
      assert.ok(isSynced(await presentState(source, name)))
      assert.equal(await target.read(pair.targetDisk, 1), 'the last write')
      await target.replicator.promote(name)
      await target.replicator.promote(name)
      await expectCode('HANDOVER_REFUSED', source.replicator.promote(name))
      await assert.rejects(source.write(pair.sourceDevice, 1, 'not writable'))
      await target.write(pair.targetDevice, 1, 'the other way')
      assert.equal(await source.read(pair.sourceDisk, 1), 'the other way')
    },
  },
  {
    name: 'does not demote or take down a device in use',
    async run(fixture) {
      const pair = await replicated(fixture)
      const { name, source } = pair
      const close = await source.hold(pair.sourceDevice)
      await expectCode('BUSY', source.replicator.demote(name))
      await expectCode('BUSY', source.replicator.down(name))
      await source.write(pair.sourceDevice, 2, 'still writable')
      await close()
      await source.replicator.demote(name)
    },
  },
  {
    name: 'does not promote a disk that is not up to date',
    async run(fixture) {
      const { name, target } = await defined(fixture)
      await expectCode('HANDOVER_REFUSED', target.replicator.promote(name))
    },
  },
  {
    name: 'goes on alone when the link breaks, and sends what is missing afterwards',
    async run(fixture) {
      const pair = await replicated(fixture)
      const { name, source, target } = pair
      const sent = (await presentState(source, name))?.sentBytes ?? 0
      await fixture.cutLink()
      await source.write(pair.sourceDevice, 100, 'while alone')
      const isAlone = (state: Awaited<ReturnType<typeof presentState>>) =>
        state !== null && state.connection !== 'Connected'
      await untilState(source, name, isAlone, fixture.deadlineMs)
      await source.write(pair.sourceDevice, 200, 'alone and known to be')
      await untilState(target, name, isAlone, fixture.deadlineMs)
      await fixture.mendLink()
      await bothSynced(fixture, pair)
      assert.equal(await target.read(pair.targetDisk, 100), 'while alone')
      assert.equal(await target.read(pair.targetDisk, 200), 'alone and known to be')
      const again = ((await presentState(source, name))?.sentBytes ?? 0) - sent
      assert.ok(again < sizeBytes / 2, `only what is missing is sent again, not ${again} bytes`)
    },
  },
  {
    name: 'compares both disks while one is written to, and finds what somebody has changed past it',
    async run(fixture) {
      const pair = await replicated(fixture)
      const { name, source, target } = pair
      const { signal } = new AbortController()
      const comparing = source.replicator.verify(name, signal)
      await source.write(pair.sourceDevice, 300, 'while they are compared')
      assert.equal((await comparing).differentBytes, 0)
      await target.write(pair.targetDisk, 400, 'past the replication')
      const { differentBytes, algorithm } = await source.replicator.verify(name, signal)
      assert.ok(differentBytes > 0 && differentBytes <= 4096, `${differentBytes} bytes differ`)
      assert.ok(algorithm)
      assert.ok(isSynced(await presentState(source, name)))
      await source.replicator.disconnect(name)
      await source.replicator.connect(name)
      await bothSynced(fixture, pair)
      assert.equal(await target.read(pair.targetDisk, 400), '')
      await target.replicator.disconnect(name)
      await expectCode('REPLICATION_LOST', source.replicator.verify(name, signal))
    },
  },
  {
    name: 'may be told everything twice',
    async run(fixture) {
      const pair = await replicated(fixture)
      const { name, source, target } = pair
      await source.replicator.connect(name)
      await source.replicator.promote(name)
      await source.replicator.promote(name, { firstTime: true })
      await target.replicator.disconnect(name)
      await target.replicator.disconnect(name)
      await target.replicator.connect(name)
      await bothSynced(fixture, pair)
      for (const host of [source, target]) {
        await host.replicator.down(name)
        await host.replicator.down(name)
        assert.equal(await presentState(host, name), null)
        assert.ok(!(await host.replicator.list()).includes(name))
      }
    },
  },
]
