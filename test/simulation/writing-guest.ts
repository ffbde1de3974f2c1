import { readBlock, writeBlock } from '../../src/drivers/simulated/datapath-device.ts'
import type { HypervisorWorld } from '../../src/drivers/simulated/hypervisor-world.ts'
import type { StorageWorld } from '../../src/drivers/simulated/storage-world.ts'
import type { DiskCaches } from './disk-caches.ts'
import type { Scheduler } from './scheduler.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface WritingGuestParts {
  readonly vm: string
  readonly slots: readonly string[]
  readonly scheduler: Scheduler
  readonly random: SeededRandom
  readonly disks: StorageWorld
  readonly vms: HypervisorWorld
  readonly caches: DiskCaches
  /** Called with what this guest should never have seen. */
  readonly onProblem: (problem: string) => void
}

/** What a slot's disk must hold: the last record of each block. */
type Records = ReadonlyMap<number, number>

const blocks = 4
const busyWrites = 60
const flushEvery = 3

/**
 * A guest that writes numbered records to each of its disks wherever it runs, reads them back, and
 * counts in its memory. A request without an answer is sent again where it runs next, as disk
 * drivers do; the old one may still reach the old device late.
 */
export class WritingGuest {
  readonly #parts: WritingGuestParts
  readonly #acknowledged = new Map<string, Map<number, number>>()
  readonly #flushed = new Map<string, Records>()
  readonly #issued = new Map<string, number>()
  readonly #waiting = new Set<() => void>()
  #memory = 0
  #busyUntil = busyWrites
  #idle = new AbortController()
  #hasRestarted = false

  constructor(parts: WritingGuestParts) {
    this.#parts = parts
    for (const slot of parts.slots) {
      this.#acknowledged.set(slot, new Map())
      void this.#write(slot)
    }
  }

  /** Acknowledged writes of the disk that has the fewest. */
  get progress(): number {
    const counts = [...this.#acknowledged.values()].map((records) =>
      Math.max(0, ...records.values()),
    )
    return counts.length ? Math.min(...counts) : Number.POSITIVE_INFINITY
  }

  /** It writes as much as in the beginning, once more. */
  writeAgain(): void {
    this.#busyUntil = Math.max(0, ...this.#issued.values()) + busyWrites
    const idle = this.#idle
    this.#idle = new AbortController()
    idle.abort()
  }

  /** The VM has changed somewhere. */
  changed(): void {
    const { vms, vm, onProblem } = this.#parts
    for (const wake of [...this.#waiting]) wake()
    const [host] = vms.runningAt(vm)
    if (host === undefined) return
    const memory = vms.host(host).vms.get(vm)?.guestState
    if (memory !== String(this.#memory) && !this.#hasRestarted)
      onProblem(`the VM runs at ${host} with memory ${memory || 'of nobody'}, not ${this.#memory}`)
    for (const problem of this.missing(host, this.#acknowledged)) onProblem(problem)
  }

  /** The guest has ended, by itself or with its host: its memory is gone. */
  restarted(): void {
    this.#hasRestarted = true
  }

  /** Records of a slot that were flushed and are not on its disk; one that was being overwritten may be torn. */
  missingAfterPowerCut(slot: string, found: ReadonlyMap<number, string> | undefined): string[] {
    const issued = this.#issued.get(slot) ?? 0
    return [...(this.#flushed.get(slot) ?? [])]
      .filter(([block, sequence]) => {
        const isOverwritten = sequence + blocks <= issued
        return sequenceOf(found?.get(block)) < sequence && !(isOverwritten && found?.has(block))
      })
      .map(([block, sequence]) => `flushed record ${sequence} of ${slot}/${block} is lost`)
  }

  missing(host: string, expected: ReadonlyMap<string, Records>): string[] {
    return [...expected].flatMap(([slot, records]) =>
      [...records].flatMap(([block, sequence]) => {
        const found = this.#read(host, slot, block)
        if (found >= sequence) return []
        return [`record ${sequence} of ${slot}/${block} is lost at ${host}, ${found} is there`]
      }),
    )
  }

  #read(host: string, slot: string, block: number): number {
    const device = this.#device(host, slot)
    if (device === undefined) return -1
    try {
      return sequenceOf(readFrom(this.#parts.disks, host, device, block))
    } catch {
      return -1
    }
  }

  async #write(slot: string): Promise<void> {
    const { scheduler, random, vms, vm, onProblem } = this.#parts
    const records = this.#acknowledged.get(slot) ?? new Map<number, number>()
    for (let sequence = 1; ; ) {
      const pauseMs = sequence < this.#busyUntil ? 2 + random.below(12) : 2_000
      await scheduler.clock.sleep(pauseMs, this.#idle.signal).catch(() => {})
      const [host] = vms.runningAt(vm)
      const device = host && this.#device(host, slot)
      if (!host || !device) continue
      const block = sequence % blocks
      const found = this.#read(host, slot, block)
      if (found < (records.get(block) ?? 0) && !this.#hasRestarted)
        onProblem(`the guest reads ${found} from ${slot}/${block} at ${host}`)
      this.#issued.set(slot, sequence)
      if (!(await this.#isAcknowledged(host, device, block, sequence))) continue
      records.set(block, sequence)
      this.#count(host)
      if (sequence % flushEvery === 0) this.#flush(host, device, slot)
      sequence += 1
    }
  }

  /** False when the VM left the host before it had the answer. */
  async #isAcknowledged(host: string, device: string, block: number, sequence: number) {
    const { disks, vms, vm, onProblem } = this.#parts
    let answer: 'none' | 'done' | Error = 'none'
    void this.#untilPickedUp()
      .then(async () => {
        // What waited in a backend goes with it.
        if (vms.host(host).vms.has(vm)) await writeTo(disks, host, device, block, String(sequence))
      })
      .then(
        () => {
          answer = 'done'
        },
        (error: Error) => {
          answer = error
        },
      )
      .then(() => this.#wake())
    const answered = (): 'none' | 'done' | Error => answer
    for (;;) {
      if (!vms.host(host).vms.has(vm) || vms.runningAt(vm).some((other) => other !== host))
        return false
      const now = answered()
      if (now !== 'none' && vms.runningAt(vm).includes(host)) {
        // An error that arrives after the VM has left belongs to nobody; here it would be seen.
        if (now !== 'done') onProblem(`the guest sees at ${host}: ${now.message}`)
        return now === 'done'
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
  }

  /** Backends take some requests late, even when the VM has been paused meanwhile. */
  async #untilPickedUp(): Promise<void> {
    const { scheduler, random } = this.#parts
    await (random.chance(0.3) ? scheduler.clock.sleep(random.below(30)) : scheduler.turn())
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  #count(host: string): void {
    const vm = this.#parts.vms.host(host).vms.get(this.#parts.vm)
    this.#memory += 1
    if (vm) vm.guestState = String(this.#memory)
  }

  #flush(host: string, device: string, slot: string): void {
    this.#parts.caches.flush(host, device)
    this.#flushed.set(slot, new Map(this.#acknowledged.get(slot)))
  }

  #device(host: string, slot: string): string | undefined {
    const vm = this.#parts.vms.host(host).vms.get(this.#parts.vm)
    return vm?.disks.find((disk) => disk.slot === slot)?.device
  }
}

/** A disk that the storage manager has not adopted yet, or not any more, is the volume itself. */
function plainVolume(disks: StorageWorld, host: string, path: string) {
  const { devices, attached } = disks.kernel(host)
  const isMapped = [...devices.values()].some((device) => device.path === path)
  return isMapped ? undefined : attached.get(path)
}

function readFrom(disks: StorageWorld, host: string, path: string, block: number) {
  const plain = plainVolume(disks, host, path)
  return plain ? plain.blocks.get(block) : readBlock(disks, host, path, block)
}

async function writeTo(
  disks: StorageWorld,
  host: string,
  path: string,
  block: number,
  value: string,
): Promise<void> {
  const plain = plainVolume(disks, host, path)
  if (plain) plain.blocks.set(block, value)
  else await writeBlock(disks, host, path, block, value)
}

function sequenceOf(text: string | undefined): number {
  return text === undefined ? 0 : Number.isNaN(Number(text)) ? -1 : Number(text)
}
