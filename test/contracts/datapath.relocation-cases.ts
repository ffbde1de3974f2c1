import assert from 'node:assert/strict'
import type { Disk } from '../../src/ports/datapath.ts'
import type { ContractCase } from './contract.ts'
import {
  type DatapathFixture,
  type DatapathHost,
  lastSector,
  sizeBytes,
  WritingGuest,
} from './datapath.fixture.ts'

/** A disk that a guest writes to, and another volume of the same host for it. */
async function used(host: DatapathHost) {
  const disk = await host.makeDisk(sizeBytes)
  const { volumePath, format } = await host.makeDisk(sizeBytes)
  const to: Disk = { ...disk, volumePath, format }
  const path = await host.datapath.activate(disk)
  await host.write(path, lastSector, 'before')
  const close = await host.hold(path)
  const guest = new WritingGuest(host, path, [0, 8, 1000, lastSector - 1])
  return { disk, to, path, guest, close }
}

const never = new AbortController().signal

async function end(host: DatapathHost, disk: Disk, close: () => Promise<void>): Promise<void> {
  await close()
  await host.datapath.deactivate(disk)
  const left = (await host.datapath.inventory()).filter(({ owner }) => owner === disk.vdi)
  assert.deepEqual(left, [])
}

export const datapathRelocationCases: readonly ContractCase<DatapathFixture>[] = [
  {
    name: 'relocates a disk in use to another volume',
    async run({ source: host }) {
      const { disk, to, path, guest, close } = await used(host)
      const left: number[] = []
      let commits = 0
      await host.datapath.relocate(disk, to, {
        signal: never,
        onProgress: (leftBytes) => left.push(leftBytes),
        commit: async () => {
          commits += 1
        },
      })
      assert.equal(commits, 1)
      assert.ok(
        left.length > 0 && left.every((bytes) => bytes >= 0 && bytes <= sizeBytes),
        `left: ${left}`,
      )
      await guest.stop()
      await guest.assertOn(host, path)
      await guest.assertOn(host, to.volumePath)
      assert.equal(await host.read(to.volumePath, lastSector), 'before')
      await host.write(path, 5, 'on the new one')
      assert.equal(await host.read(to.volumePath, 5), 'on the new one')
      assert.equal(await host.read(disk.volumePath, 5), '')
      assert.equal(await host.datapath.activate(to), path)
      await end(host, to, close)
    },
  },
  {
    name: 'what has been relocated is on the new disk before that is recorded, also when it lay idle',
    isFor: ({ source }) => source.losePower !== undefined,
    async run({ source: host }) {
      const { disk, to, guest, close } = await used(host)
      await guest.stop()
      const commit = async () => host.losePower?.()
      await host.datapath.relocate(disk, to, { signal: never, onProgress: () => {}, commit })
      assert.equal(await host.read(to.volumePath, lastSector), 'before')
      await end(host, to, close)
    },
  },
  {
    name: 'relocates nothing when that is ended or cannot be recorded; the VM goes on',
    async run({ source: host }) {
      const { disk, to, path, guest, close } = await used(host)
      const stop = new AbortController()
      const onProgress = () => stop.abort(new Error('ended'))
      const commit = async () => assert.fail('it was ended')
      const ended = host.datapath.relocate(disk, to, { signal: stop.signal, onProgress, commit })
      await assert.rejects(ended, /ended/)
      const full = async () => Promise.reject(new Error('no room to record it'))
      const failed = host.datapath.relocate(disk, to, {
        ...{ signal: never, onProgress: () => {}, commit: full },
      })
      await assert.rejects(failed, /no room/)
      await guest.stop()
      await host.write(path, 5, 'on the old one')
      assert.equal(await host.read(disk.volumePath, 5), 'on the old one')
      assert.equal(await host.read(to.volumePath, 5), '')
      await guest.assertOn(host, disk.volumePath)
      await host.datapath.relocate(disk, to, {
        ...{ signal: never, onProgress: () => {}, commit: async () => {} },
      })
      await guest.assertOn(host, to.volumePath)
      await end(host, to, close)
    },
  },
  {
    name: 'relocates as recorded when its daemon went away before or after that',
    async run({ source: host }) {
      for (const isRecorded of [false, true]) {
        const { disk, to, path, guest, close } = await used(host)
        const gone = new Promise<void>((resolve) => {
          // It never hears that it was recorded.
          const commit = () => new Promise<void>(() => resolve())
          const { datapath } = host
          const begun = { signal: never, onProgress: () => {}, commit }
          datapath.relocate(disk, to, begun).catch(() => {})
        })
        await gone
        await host.restart()
        const [kept, other] = isRecorded ? [to, disk] : [disk, to]
        await host.datapath.settle(kept)
        await host.datapath.settle(kept)
        await guest.stop()
        await host.write(path, 5, 'settled')
        await guest.assertOn(host, kept.volumePath)
        assert.equal(await host.read(kept.volumePath, 5), 'settled')
        assert.equal(await host.read(other.volumePath, 5), '')
        await end(host, kept, close)
      }
    },
  },
]
