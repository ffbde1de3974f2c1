import { basename, dirname } from 'node:path'
import type { Lab } from '../lab.ts'
import type { LabHost } from '../lab-host.ts'
import type { Observation } from '../network/guest-report.ts'
import { waitUntil } from '../support/wait-until.ts'
import { ensureGuest } from './build-guest.ts'
import { type Gap, longestGap } from './check-observations.ts'
import { type GuestVerdict, judgeGuest } from './judge-guest.ts'
import { recordBytes, regionBytes, regionOffsetBytes } from './record.ts'

export interface TestGuestOptions {
  readonly name: string
  /** As in xl.cfg: "phy:/dev/vg0/disk" or "file:/srv/images/disk.img"; the first becomes xvda. */
  readonly disks: readonly string[]
  /** Last number of its address, 100 to 250. Address and MAC follow from it, so two guests need two. */
  readonly number?: number
  readonly slots?: number
  readonly intervalMs?: number
  readonly tickMs?: number
  readonly memoryMib?: number
}

/** Where the image of the hosts has the kernel, and where the guest's initramfs is copied to. */
export const guestDirectory = '/var/lib/crosspool-lab/guest'

/** A virtual machine that tells what happens to it. See guest/init.c. */
export class TestGuest {
  readonly name: string
  readonly address: string
  readonly mac: string
  readonly #lab: Lab
  readonly #options: TestGuestOptions

  constructor(lab: Lab, options: TestGuestOptions) {
    const number = options.number ?? 100
    this.name = options.name
    this.address = `10.77.0.${number}`
    this.mac = `00:16:3e:77:00:${number.toString(16).padStart(2, '0')}`
    this.#lab = lab
    this.#options = options
  }

  /** Arguments for the kernel of the guest, whatever hypervisor it runs on. */
  get kernelArguments(): string {
    const { disks, slots = 256, intervalMs = 10, tickMs = 20 } = this.#options
    const own = [
      `cp.name=${this.name} cp.ip=${this.address} cp.disks=${disks.length}`,
      `cp.slots=${slots} cp.interval_ms=${intervalMs} cp.tick_ms=${tickMs}`,
    ]
    return `console=hvc0 quiet loglevel=4 mitigations=off sysrq_always_enabled ${own.join(' ')}`
  }

  /** An ordinary xl.cfg; nothing in it knows of Crosspool. */
  xlConfiguration(initramfs: string): string {
    const letters = 'abcdefgh'
    const disks = this.#options.disks.map((disk, index) => `"${disk},xvd${letters[index]},w"`)
    return [
      `name = "${this.name}"`,
      'type = "pvh"',
      `kernel = "${guestDirectory}/vmlinux"`,
      `ramdisk = "${initramfs}"`,
      `extra = "${this.kernelArguments}"`,
      `memory = ${this.#options.memoryMib ?? 96}`,
      'vcpus = 1',
      `disk = [ ${disks.join(', ')} ]`,
      `vif = [ "mac=${this.mac},bridge=xenbr0" ]`,
      'on_crash = "preserve"',
      '',
    ].join('\n')
  }

  /** Copies the initramfs to a host, where it then can boot, and gives its path there. */
  async installBootFiles(host: LabHost): Promise<string> {
    const files = await ensureGuest(this.#lab.image)
    // The folder's name is the hash of what is in it.
    const initramfs = `${guestDirectory}/${basename(dirname(files.initramfs))}.img`
    const { exitCode } = await host.exec(['test', '-e', initramfs])
    if (exitCode !== 0) await host.upload(files.initramfs, initramfs)
    return initramfs
  }

  /** Copies initramfs and configuration to a host, and gives the path of the configuration there. */
  async installOn(host: LabHost): Promise<string> {
    const initramfs = await this.installBootFiles(host)
    const path = `/etc/xen/${this.name}.cfg`
    await host.run(`cat > ${path}`, { input: this.xlConfiguration(initramfs) })
    return path
  }

  /** Starts the guest by plain `xl create` and waits until it has written to all of its disks. */
  async startOn(host: LabHost, timeoutMs = 120_000): Promise<void> {
    const configuration = await this.installOn(host)
    const beginMs = Date.now()
    await host.run(['xl', 'create', configuration], { timeoutMs })
    await waitUntil(
      async () => {
        const last = (await this.observations(beginMs)).at(-1)
        return last?.report.disks.every(({ acknowledged }) => acknowledged > 0)
      },
      { description: `guest ${this.name} to write to its disks`, timeoutMs, intervalMs: 250 },
    )
  }

  async destroyOn(host: LabHost): Promise<void> {
    await host.run(['xl', 'destroy', this.name])
  }

  observations(sinceMs = 0): Promise<readonly Observation[]> {
    return this.#lab.observations(this.name, sinceMs)
  }

  /** Waits until the guest has been heard of from this host. */
  async waitUntilOn(host: LabHost, timeoutMs = 60_000): Promise<void> {
    const beginMs = Date.now()
    await waitUntil(
      async () => (await this.observations(beginMs)).some((seen) => seen.host === host.name),
      { description: `guest ${this.name} to be heard from ${host.name}`, timeoutMs },
    )
  }

  /** The longest silence between two moments (milliseconds since the epoch). */
  async longestGap(fromMs: number, toMs: number): Promise<Gap> {
    return longestGap(await this.observations(fromMs - 1), fromMs, toMs)
  }

  /**
   * Proves that nothing was lost, with the guest destroyed (or paused, with its disks drained). `paths` are the block
   * devices or files that hold its disks now, in the guest's order. `hasEnded`: it has ended by itself.
   */
  async check(
    host: LabHost,
    paths: readonly string[],
    how: { readonly hasEnded?: boolean } = {},
  ): Promise<GuestVerdict> {
    const read = async (number: number, slots: number) => {
      const path = paths[number]
      if (path === undefined) throw new Error(`no path for disk ${number} of ${this.name}`)
      return await readRegion(host, path, slots)
    }
    return await judgeGuest(this.name, await this.observations(), read, how)
  }
}

/** The record region of a disk, as the host's storage has it: past the page cache, which may be stale. */
export async function readRegion(host: LabHost, path: string, slots: number): Promise<Buffer> {
  const skip = regionOffsetBytes / recordBytes
  const command = ['dd', `if=${path}`, `bs=${recordBytes}`, `skip=${skip}`, `count=${slots}`]
  const { stdout, stderr, exitCode } = await host.execBytes([
    ...command,
    'iflag=direct',
    'status=none',
  ])
  if (exitCode !== 0 || stdout.length !== regionBytes(slots)) {
    throw new Error(`${host.name}: could not read ${slots} records of ${path}: ${stderr.trim()}`)
  }
  return stdout
}
