import { setTimeout as sleep } from 'node:timers/promises'
import { MiB } from '../../src/lib/units.ts'
import type { GuestFiles } from '../lab/guest/build-guest.ts'
import { type Gap, longestGap } from '../lab/guest/check-observations.ts'
import { type GuestVerdict, judgeGuest } from '../lab/guest/judge-guest.ts'
import type { Observation } from '../lab/network/guest-report.ts'
import type { Observer } from '../lab/network/observer.ts'
import { isRunning } from '../lab/support/processes.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import type { WatchedGuest } from '../support/measured-migration.ts'
import { networkName, type PlaygroundHost } from './playground-host.ts'
import { type ImageFile, readRegion } from './read-disk.ts'
import { type FoundProcess, processesOf } from './run-directory.ts'

export interface PlaygroundGuestOptions {
  readonly name: string
  /** Last number of its address and of its MAC, 100 to 250: another one for each guest. */
  readonly number: number
  readonly intervalMs?: number
}

const slots = 256
const tickMs = 20
const memoryBytes = 96 * MiB
/** What is on its way when a guest stops has arrived by then, on the disk and at the observer. */
const settleMs = 250

/** Quiet, and without what only costs an emulated machine time. */
const kernelArguments =
  'console=ttyS0 quiet mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on panic=-1'

/** The test guest of the lab, started by xapi. See test/lab/guest/init.c. */
export class PlaygroundGuest implements WatchedGuest<PlaygroundHost> {
  readonly name: string
  readonly #options: PlaygroundGuestOptions
  readonly #files: GuestFiles
  readonly #observer: Observer

  constructor(options: PlaygroundGuestOptions, files: GuestFiles, observer: Observer) {
    this.name = options.name
    this.#options = options
    this.#files = files
    this.#observer = observer
  }

  /** The body of POST /v1/vms. */
  description(vdis: readonly string[]) {
    const { number, intervalMs = 20 } = this.#options
    const own = [
      `cp.name=${this.name} cp.ip=10.77.0.${number} cp.disks=${vdis.length}`,
      `cp.slots=${slots} cp.interval_ms=${intervalMs} cp.tick_ms=${tickMs}`,
    ]
    const boot = {
      kernel: this.#files.kernel,
      initrd: this.#files.initramfs,
      arguments: `${kernelArguments} ${own.join(' ')}`,
    }
    return {
      ...{ name: this.name, vcpus: 1, memoryBytes, boot },
      disks: vdis.map((vdi) => ({ vdi, readOnly: false })),
      interfaces: [{ network: networkName, mac: `52:54:00:77:00:${number.toString(16)}` }],
    }
  }

  /** Starts it by xapi and waits until it has written to all of its disks. */
  async startOn(host: PlaygroundHost, vdis: readonly string[]): Promise<void> {
    this.#observer.forget(this.name)
    await this.restartOn(host, vdis)
  }

  /** The same on disks that it has had before; what was acknowledged then still counts. */
  async restartOn(host: PlaygroundHost, vdis: readonly string[]): Promise<void> {
    const beginMs = Date.now()
    await host.toolstack.startVm({ body: this.description(vdis) })
    await waitUntil(
      () =>
        this.observations(beginMs)
          .at(-1)
          ?.report.disks.every(({ acknowledged }) => acknowledged > 0),
      { description: `guest ${this.name} to write to its disks`, timeoutMs: 60_000 },
    ).catch(async (error: unknown) => {
      throw new Error(`${error}\n${await host.log()}`, { cause: error })
    })
  }

  observations(sinceMs = 0): readonly Observation[] {
    return this.#observer.observations(this.name, sinceMs)
  }

  /** Waits until it has been heard of from this host, from now on. */
  async waitUntilOn(host: PlaygroundHost): Promise<void> {
    const beginMs = Date.now()
    await waitUntil(() => this.observations(beginMs).some((seen) => seen.host === host.name), {
      description: `guest ${this.name} to be heard from ${host.name}`,
      timeoutMs: 30_000,
      intervalMs: 20,
    })
  }

  async longestGap(fromMs: number, toMs: number): Promise<Gap> {
    return longestGap(this.observations(fromMs - 1), fromMs, toMs)
  }

  async checkWrites(host: PlaygroundHost): Promise<GuestVerdict> {
    const images = await this.images(host)
    const { identity } = await this.process(host)
    // Not through anything of ours: what is judged must have no say in it.
    process.kill(identity.pid, 'SIGSTOP')
    try {
      await sleep(settleMs)
      return await this.judge(images)
    } finally {
      if (isRunning(identity)) process.kill(identity.pid, 'SIGCONT')
    }
  }

  /** Ends it, as if its power were cut, and removes its disks. Answers what became of its writes. */
  async end(host: PlaygroundHost): Promise<GuestVerdict> {
    const vdis = await this.vdis(host)
    const images = await this.images(host)
    const { id: vm } = await host.toolstack.getVm({ params: { vm: this.name } })
    await host.toolstack.destroyVm({ params: { vm } })
    await host.toolstack.forgetVm({ params: { vm } })
    await sleep(settleMs)
    const verdict = await this.judge(images)
    for (const vdi of vdis) await host.storage.destroyVdi(vdi)
    return verdict
  }

  /** Compares what it has told with what its disks hold; it must not write meanwhile. */
  judge(images: readonly ImageFile[]): Promise<GuestVerdict> {
    return judgeGuest(this.name, this.observations(), (disk, count) =>
      readRegion(imageAt(images, disk), count),
    )
  }

  /** Its VDIs, in its order. */
  async vdis(host: PlaygroundHost): Promise<readonly string[]> {
    const { disks } = await host.toolstack.getVm({ params: { vm: this.name } })
    const inOrder = [...disks].sort((a, b) => a.slot.localeCompare(b.slot))
    return await Promise.all(
      inOrder.map(async ({ device }) => {
        const [vdi] = await host.storage.listVdis({ device })
        if (!vdi) throw new Error(`${host.name} has no VDI for ${device}`)
        return vdi.id
      }),
    )
  }

  async images(host: PlaygroundHost): Promise<readonly ImageFile[]> {
    const vdis = await this.vdis(host)
    return await Promise.all(vdis.map((vdi) => host.image(vdi)))
  }

  /** Its QEMU. While it moves there may be one on each host. */
  async process(host: PlaygroundHost): Promise<FoundProcess> {
    const { id } = await host.toolstack.getVm({ params: { vm: this.name } })
    const all = await processesOf(host.plan.directory)
    const own = all.find(({ command }) => /qemu-system/.test(command) && command.includes(id))
    if (!own) throw new Error(`${host.name} has no process of guest ${this.name}`)
    return own
  }
}

function imageAt(images: readonly ImageFile[], disk: number): ImageFile {
  const image = images[disk]
  if (!image) throw new Error(`there is no image of disk ${disk}`)
  return image
}
