import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { hasQemu, qemuHosts } from '../support/qemu-hosts.ts'
import { slowStreams } from '../support/slow-streams.ts'
import { describeHypervisorContract } from './hypervisor.contract.ts'

/** Slow enough that a migration of a small guest takes long enough to be interrupted. */
const linkBytesPerSecond = 1_500_000

if (!hasQemu) it.skip('the contract of hypervisors on QEMU: there is no QEMU here', () => {})
else
  describeHypervisorContract('qemu, emulated guests', async () => {
    const hosts = await qemuHosts()
    const { source, destination } = hosts
    const addVm = async () => {
      const guest = hosts.guest()
      await source.start(guest)
      return guest.id
    }
    return {
      source,
      destination,
      newVm: async () => hosts.guest(),
      addVm,
      addWritingVm: addVm,
      addObedientVm: () => hosts.startObedientGuest(),
      connect: async () => slowStreams(linkBytesPerSecond),
      async dispose() {
        const atDestination = await destination.list()
        const folders = await readdir(join(hosts.folder, 'destination', 'qemu')).catch(() => [])
        await hosts.dispose()
        // Nothing half-built may be left behind.
        expect(folders.length).toBe(atDestination.length)
      },
    }
  })
