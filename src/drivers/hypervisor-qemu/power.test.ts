import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasQemu, type QemuHosts, qemuHosts } from '../../../test/support/qemu-hosts.ts'

/** A guest writes a b to its console whenever it begins. */
describe.skipIf(!hasQemu)('the buttons of a guest under QEMU', () => {
  let hosts: QemuHosts
  beforeEach(async () => {
    hosts = await qemuHosts()
  })
  afterEach(() => hosts.dispose())

  const stateOf = async (vm: string) =>
    (await hosts.source.list()).find(({ id }) => id === vm)?.state ?? 'gone'
  const wait = { timeout: 60_000, interval: 50 }

  test('a reboot lets the guest end, and begin anew in the same QEMU', async () => {
    const vm = await hosts.startObedientGuest()
    await hosts.source.reboot(vm, 'clean')
    await expect.poll(() => hosts.consoleOf(vm), wait).toBe('bb')
    await expect.poll(() => stateOf(vm), wait).toBe('running')
    await hosts.source.reboot(vm, 'hard')
    await expect.poll(() => hosts.consoleOf(vm), wait).toBe('bbb')
    await hosts.source.shutdown(vm)
    await expect.poll(() => stateOf(vm), wait).toBe('gone')
  })

  test('a guest that does not listen goes on', async () => {
    const guest = hosts.guest()
    await hosts.source.start(guest)
    await hosts.source.shutdown(guest.id)
    await hosts.source.reboot(guest.id, 'clean')
    expect(await stateOf(guest.id)).toBe('running')
  })
})
