import { createOrderedListeners, type OrderedListeners } from '../../lib/ordered-listeners.ts'
import type { KeepMode, VerificationResult } from '../../model/replication.ts'
import type { Mirror, MirrorStatus } from '../../ports/datapath.ts'
import { type SimulatedVolume, type StorageWorld, simulatedBlockBytes } from './storage-world.ts'

/** One side of a mirror in a host's kernel. */
export interface MirrorSide {
  readonly host: string
  /** As it was told last: a mirror that is kept changes its sides. */
  mirror: Mirror
  readonly volume: SimulatedVolume
  role: 'primary' | 'secondary'
  /** It knows the other side and has been told to talk to it. */
  isConnected: boolean
  /** It is one of a disk and its replica. */
  keptBy: KeepMode | null
}

/** Both sides of one mirror and what lies between them. */
export class MirrorPair {
  readonly id: string
  bytesPerSecondMax: number | null = null
  readonly #world: StorageWorld
  readonly #sides = new Map<string, MirrorSide>()
  readonly #listeners = new Map<string, OrderedListeners<MirrorStatus>>()
  readonly #dirty = new Set<number>()
  #remainingBytes = 0
  #sentBytes = 0
  #isSyncing = false
  /** Whoever writes has noted what differs ever since both sides held the same. */
  #isDifferenceKnown = false

  constructor(world: StorageWorld, id: string) {
    this.#world = world
    this.id = id
  }

  add(side: MirrorSide): MirrorSide {
    this.#sides.set(side.host, side)
    this.announce()
    return side
  }

  at(host: string): MirrorSide | undefined {
    return this.#sides.get(host)
  }

  /** The host names its side, which may change; the end that it was at first may not. */
  told(host: string, mirror: Mirror): MirrorSide | undefined {
    const side = this.at(host)
    if (!side) return undefined
    if (side.mirror.end !== mirror.end)
      this.#world.violations.push(`mirror ${this.id} has become another at ${host}`)
    side.mirror = mirror
    return side
  }

  other(host: string): MirrorSide | undefined {
    return [...this.#sides.values()].find((side) => side.host !== host)
  }

  /** The side is taken out, by its own host or by a reboot of it. */
  lose(host: string): void {
    if (this.at(host)?.role === 'primary') this.#isDifferenceKnown = false
    if (!this.#sides.delete(host)) return
    this.#listeners.delete(host)
    if (this.#sides.size === 0) this.#world.pairs.delete(this.id)
    this.announce()
  }

  compare(comparedBytes: number): VerificationResult {
    const [one, other] = [...this.#sides.values()].map(({ volume }) => volume.blocks)
    const blocks = new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])
    const different = [...blocks].filter((block) => one?.get(block) !== other?.get(block)).length
    const differentBytes = different * simulatedBlockBytes
    return { algorithm: 'equality', comparedBytes, differentBytes }
  }

  /** The source has been started: everything is to be copied once, but for what is known to be the same. */
  begin(sizeBytes: number): void {
    if (this.#isDifferenceKnown) {
      this.announce()
      return
    }
    this.#isDifferenceKnown = true
    for (const side of this.#sides.values()) {
      for (const block of side.volume.blocks.keys()) this.#dirty.add(block)
    }
    this.#remainingBytes = sizeBytes
    this.announce()
  }

  isLinked(): boolean {
    const sides = [...this.#sides.values()]
    const [a, b] = sides
    if (!a || !b || !sides.every((side) => side.isConnected)) return false
    if (sides.some(({ keptBy }) => keptBy === 'difference')) return false
    return this.#world.isLinkUp(a.host, b.host)
  }

  /** Both sides held the same when they last saw each other. */
  isInSync(): boolean {
    return this.#remainingBytes === 0
  }

  /** A write of the side that is primary, acknowledged when this answers. */
  write(host: string, block: number, value: string): void {
    this.at(host)?.volume.blocks.set(block, value)
    if (this.isLinked()) {
      this.other(host)?.volume.blocks.set(block, value)
      this.#dirty.delete(block)
      this.#sentBytes += simulatedBlockBytes
    } else if (!this.#dirty.has(block)) {
      this.#dirty.add(block)
      this.#remainingBytes += simulatedBlockBytes
    }
    this.announce()
  }

  watch(host: string, listener: (status: MirrorStatus) => void): () => void {
    const listeners = this.#listeners.get(host) ?? createOrderedListeners<MirrorStatus>()
    this.#listeners.set(host, listeners)
    listener(this.status(host))
    return listeners.add(listener)
  }

  status(host: string): MirrorStatus {
    const outOfSyncBytes = this.#remainingBytes
    const common = { outOfSyncBytes, sentBytes: this.#sentBytes, reason: null }
    const side = this.at(host)
    if (!side) return { ...common, state: 'failed', reason: 'the mirror is not there' }
    if (!side.isConnected) return { ...common, state: 'connecting' }
    if (side.keptBy === 'difference')
      return { ...common, state: 'paused', reason: 'only what differs is noted' }
    if (!this.isLinked())
      return { ...common, state: 'interrupted', reason: 'the other side does not answer' }
    if (outOfSyncBytes > 0) return { ...common, state: 'syncing' }
    const source = [...this.#sides.values()].find(({ mirror }) => mirror.side === 'source')
    const target = [...this.#sides.values()].find(({ mirror }) => mirror.side === 'target')
    const isHandedOver = source?.role === 'secondary' && target?.role === 'primary'
    return { ...common, state: isHandedOver ? 'handed-over' : 'synced' }
  }

  /** Tells the listeners, and goes on copying where there is something to copy. */
  announce(): void {
    for (const [host, listeners] of this.#listeners) listeners.emit(this.status(host))
    if (!this.#isSyncing && this.isLinked() && this.#remainingBytes > 0) {
      this.#isSyncing = true
      void this.#sync()
    }
  }

  async #sync(): Promise<void> {
    const size = [...this.#sides.values()][0]?.mirror.disk.sizeBytes ?? 0
    const stepBytes = Math.max(1, Math.ceil(size / this.#world.syncSteps))
    while (this.isLinked() && this.#remainingBytes > 0) {
      if (this.#world.isSyncHeld) {
        await this.#world.changed()
        continue
      }
      const limit = this.bytesPerSecondMax ?? Number.POSITIVE_INFINITY
      const stepMs = Math.max(this.#world.syncStepMs, Math.ceil((stepBytes * 1000) / limit))
      await this.#world.clock.sleep(stepMs)
      if (!this.isLinked() || this.#world.isSyncHeld) continue
      const sentBytes = Math.min(stepBytes, this.#remainingBytes)
      this.#sentBytes += sentBytes
      this.#remainingBytes -= sentBytes
      if (this.#remainingBytes === 0) this.#copy()
      this.announce()
    }
    this.#isSyncing = false
  }

  /** From the primary to the other side. */
  #copy(): void {
    const from = [...this.#sides.values()].find(({ role }) => role === 'primary')
    const to = from && this.other(from.host)
    for (const block of this.#dirty) {
      const value = from?.volume.blocks.get(block)
      if (value === undefined) to?.volume.blocks.delete(block)
      else to?.volume.blocks.set(block, value)
    }
    this.#dirty.clear()
  }
}
