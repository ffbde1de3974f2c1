import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deviceNumber } from '../../lib/device-number.ts'
import type { VmDisk } from '../../model/vm.ts'
import type { Clock } from '../../ports/clock.ts'

const kernelBackends = '/sys/bus/xen-backend/devices'
const lookEveryMs = 50
const patienceMs = 10_000

/** Where the kernel shows its ends of the guests' disks and interfaces, and how it tells a device's number. */
export interface BackendView {
  readonly directory: string
  numberOf(device: string): Promise<string | null>
}

const kernelView: BackendView = { directory: kernelBackends, numberOf }

/**
 * Waits until the guest on these disks is connected to all that the kernel serves it with, but not for long: a guest
 * without drivers of its own never is. The kernel's own word in sysfs is asked again and again, since to be told of it takes
 * an `xenstore-watch` and with it the CPU that the guest's devices need just then.
 */
export async function untilConnected(
  clock: Clock,
  disks: readonly Pick<VmDisk, 'device'>[],
  view = kernelView,
): Promise<void> {
  const untilMs = clock.monotonicMs() + patienceMs
  const numbers = await Promise.all(disks.map(({ device }) => view.numberOf(device)))
  while (clock.monotonicMs() < untilMs) {
    if (await areConnected(view.directory, numbers)) return
    await clock.sleep(lookEveryMs)
  }
}

/** Also true where none serves these disks: the guest has ended, or is served by something else. */
async function areConnected(
  directory: string,
  numbers: readonly (string | null)[],
): Promise<boolean> {
  const names = await readdir(directory).catch(() => [])
  const read = (name: string, file: string) =>
    readFile(join(directory, name, file), 'utf8').then(
      (text) => text.trim(),
      () => '',
    )
  const domids = await Promise.all(
    names
      .filter((name) => name.startsWith('vbd-'))
      .map(async (name) => {
        return numbers.includes(await read(name, 'physical_device')) ? [domidOf(name)] : []
      }),
  )
  const served = new Set(domids.flat())
  // A console and a keyboard are served by a program, and what the kernel tells of them is nothing.
  const own = names.filter((name) => /^v(bd|if)-/.test(name) && served.has(domidOf(name)))
  const states = await Promise.all(own.map((name) => read(name, 'state')))
  return states.every((state) => state === 'Connected')
}

/** `vbd-7-51712` serves domain 7. */
function domidOf(backend: string): string {
  return backend.split('-')[1] ?? ''
}

/** As blkback writes it: major and minor, hexadecimal. */
async function numberOf(device: string): Promise<string | null> {
  const { rdev } = await stat(device).catch(() => ({ rdev: 0 }))
  if (rdev === 0) return null
  const { major, minor } = deviceNumber(rdev)
  return `${major.toString(16)}:${minor.toString(16)}`
}
