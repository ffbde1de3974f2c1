import assert from 'node:assert/strict'
import { CrosspoolError, type ErrorCode } from '../../src/model/errors.ts'
import type { VolumeStore } from '../../src/ports/volume-store.ts'
import type { ContractCase, Disposable } from './contract.ts'

export interface VolumeStoreFixture extends Disposable {
  readonly store: VolumeStore
  /** Another object over the same storage, as after a restart of the daemon. */
  reopen(): Promise<VolumeStore>
  /** Ids for volumes; `dispose` removes those that are left. */
  newId(): string
  /** What is at that place of an attached volume. */
  read(device: string, offsetBytes: number, lengthBytes: number): Promise<string>
  write(device: string, offsetBytes: number, text: string): Promise<void>
  /** A path of a volume that the administrator made; left out where the fixture cannot. */
  readonly administratorsVolume?: string
  /** The administrator's volumes go, and come as they do at a boot; answers whether theirs is there. */
  boot?(): Promise<boolean>
}

/** On purpose no multiple of an extent or a page. */
const sizeBytes = 12 * 1024 * 1024 + 512
const canCreate = ({ store }: VolumeStoreFixture) => store.capabilities.canCreate
const hasAdministratorsVolume = (fixture: VolumeStoreFixture) =>
  fixture.administratorsVolume !== undefined

async function deviceOf(store: VolumeStore, id: string): Promise<string> {
  const { path, format } = await store.attach(id, 'device')
  assert.equal(format, 'raw')
  return path
}

export const volumeStoreCases: readonly ContractCase<VolumeStoreFixture>[] = [
  {
    name: 'lists a new volume with its name and exact size',
    isFor: canCreate,
    async run({ store, newId }) {
      const id = newId()
      const made = await store.create(id, 'Wurzel /dev & Co', sizeBytes)
      const listed = (await store.list()).find((volume) => volume.id === id)
      for (const volume of [made, listed]) {
        assert.equal(volume?.id, id)
        assert.equal(volume?.name, 'Wurzel /dev & Co')
        assert.equal(volume?.sizeBytes, sizeBytes)
        assert.equal(volume?.managed, true)
      }
    },
  },
  {
    name: 'answers the same volume when create is repeated, also after a restart',
    isFor: canCreate,
    async run({ store, newId, reopen }) {
      const id = newId()
      await store.create(id, 'disk', sizeBytes)
      await store.create(id, 'disk', sizeBytes)
      await (await reopen()).create(id, 'disk', sizeBytes)
      assert.equal((await store.list()).filter((volume) => volume.id === id).length, 1)
      await rejectsWith('ALREADY_EXISTS', store.create(id, 'disk', sizeBytes + 512))
    },
  },
  {
    name: 'makes volumes that read as zeroes, whatever was there before',
    isFor: canCreate,
    async run({ store, newId, read, write }) {
      const [first, second] = [newId(), newId()]
      await store.create(first, 'first', sizeBytes)
      const device = await deviceOf(store, first)
      for (let offset = 0; offset < sizeBytes - 512; offset += 1024 * 1024)
        await write(device, offset, 'secret')
      await store.detach(first)
      await store.destroy(first)
      await store.create(second, 'second', sizeBytes)
      const next = await deviceOf(store, second)
      for (let offset = 0; offset < sizeBytes - 512; offset += 1024 * 1024)
        assert.equal(await read(next, offset, 6), '\0'.repeat(6))
    },
  },
  {
    name: 'attaches to one path, by which the volume is found, and keeps what is written',
    isFor: canCreate,
    async run({ store, newId, read, write, reopen }) {
      const id = newId()
      await store.create(id, 'disk', sizeBytes)
      const device = await deviceOf(store, id)
      assert.equal(await deviceOf(store, id), device)
      const again = await reopen()
      assert.equal(await deviceOf(again, id), device)
      const listed = (await again.list()).find((volume) => volume.id === id)
      assert.ok(listed?.paths.includes(device), `${device} is none of ${listed?.paths}`)
      await write(device, 4096, 'kept')
      await again.detach(id)
      await again.detach(id)
      assert.equal(await read(await deviceOf(store, id), 4096, 4), 'kept')
    },
  },
  {
    name: 'destroys a volume once, and a missing one without an error',
    isFor: canCreate,
    async run({ store, newId }) {
      const id = newId()
      await store.create(id, 'disk', sizeBytes)
      await deviceOf(store, id)
      await store.detach(id)
      await store.destroy(id)
      await store.destroy(id)
      await store.detach(id)
      assert.ok(!(await store.list()).some((volume) => volume.id === id))
      await rejectsWith('NOT_FOUND', deviceOf(store, id))
    },
  },
  {
    name: 'refuses a volume that does not fit, and leaves nothing of it',
    isFor: canCreate,
    async run({ store, newId }) {
      const id = newId()
      const { freeBytes } = await store.capacity()
      const tooMuch = (Math.floor(freeBytes / 512) + 1) * 512
      await rejectsWith('SR_FULL', store.create(id, 'too large', tooMuch))
      assert.ok(!(await store.list()).some((volume) => volume.id === id))
    },
  },
  {
    name: 'makes several volumes at once',
    isFor: canCreate,
    async run({ store, newId }) {
      const ids = [newId(), newId(), newId()]
      await Promise.all(ids.map((id) => store.create(id, `disk ${id}`, 4 * 1024 * 1024)))
      const devices = await Promise.all(ids.map((id) => deviceOf(store, id)))
      assert.equal(new Set(devices).size, 3)
    },
  },
  {
    name: "lists and attaches the administrator's volumes, and never removes them",
    isFor: hasAdministratorsVolume,
    async run({ store, administratorsVolume, reopen }) {
      const find = async (from: VolumeStore) =>
        (await from.list()).find(({ paths }) => paths.includes(administratorsVolume ?? ''))
      const volume = await find(store)
      assert.ok(volume, `${administratorsVolume} is not listed`)
      assert.equal(volume.managed, false)
      assert.equal((await find(await reopen()))?.id, volume.id)
      await rejectsWith('WRONG_STATE', store.destroy(volume.id))
      const device = await deviceOf(store, volume.id)
      assert.equal(await deviceOf(store, volume.id), device)
      await store.detach(volume.id)
      assert.ok(await find(store))
    },
  },
  {
    name: 'keeps a volume away at boot for as long as its fence stands',
    isFor: ({ store, boot }) => store.bootFence !== undefined && boot !== undefined,
    async run({ store, administratorsVolume = '', boot, reopen }) {
      const find = async () =>
        (await store.list()).find(
          ({ paths, managed }) => !managed && paths.includes(administratorsVolume),
        )
      const { id = '' } = (await find()) ?? {}
      await deviceOf(store, id)
      assert.equal(await boot?.(), true)
      await store.bootFence?.raise(id)
      await store.bootFence?.raise(id)
      assert.ok(await find(), 'a fence hides the volume from its store')
      assert.equal(await boot?.(), false)
      const again = await reopen()
      await again.bootFence?.lower(id)
      await again.bootFence?.lower(id)
      assert.equal(await deviceOf(again, id), administratorsVolume)
      assert.equal(await boot?.(), true)
      await again.bootFence?.lower('nobody')
    },
  },
  {
    name: 'tells how much there is and how much is free',
    async run({ store }) {
      const { sizeBytes: all, freeBytes } = await store.capacity()
      assert.ok(all > 0 && freeBytes >= 0 && freeBytes <= all, `${freeBytes} of ${all}`)
    },
  },
]

export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    if (!(error instanceof CrosspoolError)) throw error
    assert.equal(error.code, code, error.message)
    return true
  })
}
