import assert from 'node:assert/strict'
import { type BlockMapper, errorTable, linearTable } from '../../src/ports/block-mapper.ts'
import type { ContractCase, Disposable } from './contract.ts'
import { expectCode } from './expect-code.ts'

export interface BlockMapperFixture extends Disposable {
  readonly mapper: BlockMapper
  /** Names of devices begin with it; `dispose` removes those that are left. */
  readonly prefix: string
  /** Path of a new disk of this size. */
  volume(sizeBytes: number): Promise<string>
  /** One sector, past all caches. `write` resolves when acknowledged and rejects for an I/O error. */
  write(path: string, sector: number, text: string): Promise<void>
  read(path: string, sector: number): Promise<string>
  /** Opens the device for writing, as a VM's backend does. Answers how to close it. */
  hold(path: string): Promise<() => Promise<void>>
  /** Long enough for an I/O to be done that nothing holds back. */
  pause(): Promise<void>
}

const sizeBytes = 1024 * 1024

/** A device over a new volume. */
async function mapped(fixture: BlockMapperFixture, suffix = 'one') {
  const { mapper, prefix } = fixture
  const volume = await fixture.volume(sizeBytes)
  const name = `${prefix}${suffix}`
  const table = linearTable(volume, sizeBytes)
  await mapper.create(name, table)
  return { name, volume, table, path: mapper.pathOf(name) }
}

/** Whether the promise has been settled yet. */
function observe(promise: Promise<void>): { isDone: boolean; readonly done: Promise<void> } {
  const observed = { isDone: false, done: promise }
  promise.then(
    () => {
      observed.isDone = true
    },
    () => {
      observed.isDone = true
    },
  )
  return observed
}

export const blockMapperCases: readonly ContractCase<BlockMapperFixture>[] = [
  {
    name: 'makes a device that leads to its volume, and makes it once',
    async run(fixture) {
      const { mapper } = fixture
      const { name, volume, table, path } = await mapped(fixture)
      await mapper.create(name, table)
      await fixture.write(path, 3, 'through the device')
      assert.equal(await fixture.read(volume, 3), 'through the device')
      const other = linearTable(await fixture.volume(sizeBytes), sizeBytes)
      await expectCode('ALREADY_EXISTS', mapper.create(name, other))
    },
  },
  {
    name: 'shows what is there',
    async run(fixture) {
      const { mapper, prefix } = fixture
      assert.equal(await mapper.inspect(`${prefix}none`), null)
      const { name, volume, table, path } = await mapped(fixture)
      const found = { name, table, isSuspended: false, openCount: 0 }
      assert.deepEqual(await mapper.inspect(name), found)
      assert.deepEqual(await mapper.list(prefix), [name])
      assert.deepEqual(await mapper.list(`${prefix}none`), [])
      assert.equal(await mapper.nameOf(path), name)
      assert.equal(await mapper.nameOf(volume), null)
      assert.equal(await mapper.nameOf('/dev/there-is-no-such-device'), null)
      const close = await fixture.hold(path)
      assert.equal((await mapper.inspect(name))?.openCount, 1)
      await close()
    },
  },
  {
    name: 'exchanges what is beneath a device in use',
    async run(fixture) {
      const { mapper } = fixture
      const { name, volume, table, path } = await mapped(fixture)
      const other = await fixture.volume(sizeBytes)
      const close = await fixture.hold(path)
      await fixture.write(path, 0, 'before')
      await mapper.load(name, linearTable(other, sizeBytes))
      await fixture.write(path, 1, 'loaded, not yet in place')
      assert.deepEqual((await mapper.inspect(name))?.table, table)
      await mapper.resume([name])
      await fixture.write(path, 2, 'after')
      await close()
      assert.equal(await fixture.read(volume, 0), 'before')
      assert.equal(await fixture.read(volume, 1), 'loaded, not yet in place')
      assert.equal(await fixture.read(volume, 2), '')
      assert.equal(await fixture.read(other, 2), 'after')
    },
  },
  {
    name: 'forgets a loaded table',
    async run(fixture) {
      const { mapper, prefix } = fixture
      const { name, table } = await mapped(fixture)
      await mapper.load(name, errorTable(sizeBytes))
      await mapper.clear(name)
      await mapper.clear(name)
      await mapper.clear(`${prefix}none`)
      await mapper.resume([name])
      assert.deepEqual((await mapper.inspect(name))?.table, table)
    },
  },
  {
    name: 'holds what comes while devices are suspended, and lets it flow',
    async run(fixture) {
      const { mapper } = fixture
      const one = await mapped(fixture, 'one')
      const two = await mapped(fixture, 'two')
      const names = [one.name, two.name]
      await mapper.suspend(names)
      await mapper.suspend(names)
      assert.equal((await mapper.inspect(one.name))?.isSuspended, true)
      const writes = [one, two].map(({ path }) => observe(fixture.write(path, 5, 'held')))
      await fixture.pause()
      assert.deepEqual(
        writes.map(({ isDone }) => isDone),
        [false, false],
      )
      await mapper.resume(names)
      await mapper.resume(names)
      await Promise.all(writes.map(({ done }) => done))
      for (const { volume } of [one, two]) assert.equal(await fixture.read(volume, 5), 'held')
    },
  },
  {
    name: 'sends what it held to where the device leads when it is resumed',
    async run(fixture) {
      const { mapper } = fixture
      const { name, volume, path } = await mapped(fixture)
      const other = await fixture.volume(sizeBytes)
      await mapper.suspend([name])
      const write = fixture.write(path, 7, 'held')
      await fixture.pause()
      await mapper.load(name, linearTable(other, sizeBytes))
      await mapper.resume([name])
      await write
      assert.equal(await fixture.read(other, 7), 'held')
      assert.equal(await fixture.read(volume, 7), '')
    },
  },
  {
    name: 'knows fences, zeroes and tables of several parts',
    async run(fixture) {
      const { mapper, prefix } = fixture
      const volume = await fixture.volume(sizeBytes)
      const half = sizeBytes / 512 / 2
      const name = `${prefix}parts`
      await mapper.create(name, [
        { target: 'linear', startSector: 0, sectors: half, device: volume, offsetSectors: half },
        { target: 'zero', startSector: half, sectors: half - 8 },
        { target: 'error', startSector: 2 * half - 8, sectors: 8 },
      ])
      const path = mapper.pathOf(name)
      await fixture.write(path, 1, 'second half')
      assert.equal(await fixture.read(volume, half + 1), 'second half')
      await fixture.write(path, half + 1, 'nowhere')
      assert.equal(await fixture.read(path, half + 1), '')
      await assert.rejects(fixture.write(path, 2 * half - 1, 'fenced'))
      assert.equal((await mapper.inspect(name))?.table.length, 3)
    },
  },
  {
    name: 'removes a device that nobody has open',
    async run(fixture) {
      const { mapper, prefix } = fixture
      const { name, path } = await mapped(fixture)
      const close = await fixture.hold(path)
      await expectCode('BUSY', mapper.remove(name))
      await close()
      await mapper.remove(name)
      await mapper.remove(name)
      assert.equal(await mapper.inspect(name), null)
      assert.deepEqual(await mapper.list(prefix), [])
    },
  },
]
