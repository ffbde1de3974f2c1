import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { Disk } from '../../src/ports/datapath.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import { startWriters } from './user-mirror.ts'

/** A disk that moves to another volume of its host, by a storage daemon of QEMU. */
const diskBytes = 16 * MiB
const times = 8

let link: TestLink
let host: UserDatapathHost
vi.setConfig({ testTimeout: 120_000 })

beforeEach(async () => {
  link = createTestLink()
  host = await createUserDatapathHost('m', link)
})

afterEach(async () => {
  await host.dispose()
  link.close()
})

/** QEMU 7.2 may crash when a job that holds writes up is ended while there are some. */
it('is ended again and again while the VM writes as fast as it can, which notices nothing', async () => {
  const disk = await host.makeDisk(diskBytes)
  const { volumePath } = await host.makeDisk(diskBytes)
  const to: Disk = { ...disk, volumePath }
  const sourcePath = await host.datapath.activate(disk)
  const guests = startWriters({ sourcePath, sourceDisk: disk }, 4)
  for (let time = 0; time < times; time += 1) {
    const stop = new AbortController()
    const ended = host.datapath.relocate(disk, to, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('ended')),
      commit: () => Promise.reject(new Error('it was ended')),
    })
    await expect(ended).rejects.toThrow('ended')
  }
  expect(await guests.stop()).toBeGreaterThan(10)
})
