import { CrosspoolError } from '../../model/errors.ts'
import type { KeepMode, VerificationResult } from '../../model/replication.ts'
import type {
  Datapath,
  Disk,
  HandoverDisk,
  InventoryItem,
  Mirror,
  MirrorHello,
  MirrorStatus,
  Relocation,
} from '../../ports/datapath.ts'
import { refuseHandover, retarget } from './datapath-device.ts'
import { makeWritable } from './make-writable.ts'
import { MirrorPair, type MirrorSide } from './mirror-pair.ts'
import type { SimulatedKernel, SimulatedVolume, StorageWorld } from './storage-world.ts'

/** The datapath of one simulated host. Its state is in the world, so it outlives this object. */
export function createSimulatedDatapath(
  world: StorageWorld,
  host: string,
  schemes: readonly string[] = ['simulated'],
): Datapath {
  return new SimulatedDatapath(world, host, schemes)
}

const missing: MirrorStatus = {
  ...{ state: 'failed', reason: 'the mirror is not there', outOfSyncBytes: 0, sentBytes: 0 },
}

const keeps: readonly KeepMode[] = ['every-write', 'difference']

class SimulatedDatapath implements Datapath {
  readonly capabilities
  readonly #world: StorageWorld
  readonly #host: string

  constructor(world: StorageWorld, host: string, schemes: readonly string[]) {
    this.#world = world
    this.#host = host
    this.capabilities = {
      ...{ schemes, description: 'simulated mirror', encryptionObstacle: null },
      ...{ presentation: 'device' as const, deviceKind: 'block' as const, keeps },
      verifies: true,
    }
  }

  async activate(disk: Disk) {
    return await this.#act('activate', () => {
      const path = `/dev/mapper/crosspool-${disk.vdi}`
      const present = this.#kernel.devices.get(disk.vdi)
      if (!present) this.#addDevice(disk, path)
      return path
    })
  }

  async deactivate(disk: Disk): Promise<void> {
    await this.#act('deactivate', () => {
      const device = this.#kernel.devices.get(disk.vdi)
      if (device) retarget(device, 'fenced')
      this.#kernel.devices.delete(disk.vdi)
    })
  }

  async adopt(disk: Disk, device: string) {
    return await this.#act('adopt', () => {
      if (this.#kernel.attached.get(device)?.id !== disk.vdi)
        throw new CrosspoolError('DISK_NOT_MAPPED', { device })
      if (!this.#kernel.devices.has(disk.vdi)) this.#addDevice(disk, device)
      return device
    })
  }

  async offer(mirror: Mirror): Promise<void> {
    await this.#act('offer', () => {
      this.#begin(mirror, 'secondary')
      const device = this.#kernel.devices.get(mirror.disk.vdi)
      if (device?.mode === 'volume') retarget(device, 'standby')
    })
  }

  async prepare(mirror: Mirror): Promise<MirrorHello> {
    return await this.#act('prepare', () => {
      this.#begin(mirror, 'primary')
      const device = this.#kernel.devices.get(mirror.disk.vdi)
      if (device?.mode === 'volume') retarget(device, 'mirror')
      return { host: this.#host }
    })
  }

  async accept(mirror: Mirror, hello: MirrorHello): Promise<MirrorHello> {
    return await this.#act('accept', () => {
      if (typeof hello.host !== 'string')
        throw new CrosspoolError('BAD_REQUEST', { reason: 'the hello names no host' })
      this.#addSide(mirror, 'secondary').isConnected = true
      return { host: this.#host }
    })
  }

  async start(mirror: Mirror, _welcome: MirrorHello): Promise<void> {
    await this.#act('start', () => {
      const side = this.#addSide(mirror, 'primary')
      if (side.isConnected) return
      side.isConnected = true
      this.#pair(mirror.id).begin(mirror.disk.sizeBytes)
    })
  }

  async limit(mirror: Mirror, bytesPerSecondMax: number | null): Promise<void> {
    await this.#act('limit', () => {
      // As with DRBD: it is the target that asks for what it gets.
      if (mirror.side === 'target') this.#pair(mirror.id).bytesPerSecondMax = bytesPerSecondMax
    })
  }

  watch(mirror: Mirror, listener: (status: MirrorStatus) => void): () => void {
    const pair = this.#world.pairs.get(mirror.id)
    if (pair) return pair.watch(this.#host, listener)
    listener(missing)
    return () => {}
  }

  async arm(_handover: readonly HandoverDisk[]): Promise<void> {
    await this.#act('arm', () => {})
  }

  async release(handover: readonly HandoverDisk[]): Promise<void> {
    await this.#act('release', () => {
      for (const { mirror } of handover) {
        if (!mirror) continue
        const { state } = this.#world.pairs.get(mirror.id)?.status(this.#host) ?? missing
        const isReleased = this.#side(mirror)?.role === 'secondary'
        if (state !== 'synced' && state !== 'handed-over' && !isReleased)
          throw new CrosspoolError('REPLICATION_LOST', { id: mirror.id, state })
      }
      for (const { disk, mirror } of handover) {
        const side = mirror && this.#side(mirror)
        if (side) side.role = 'secondary'
        const device = this.#kernel.devices.get(disk.vdi)
        if (device) retarget(device, 'held')
        if (mirror) this.#world.pairs.get(mirror.id)?.announce()
      }
    })
  }

  async reclaim(handover: readonly HandoverDisk[]): Promise<void> {
    await this.#act('reclaim', () => makeWritable(this.#world, this.#host, handover))
  }

  async take(handover: readonly HandoverDisk[]): Promise<void> {
    await this.#act('take', () => {
      for (const { mirror } of handover) {
        if (!mirror) continue
        const side = this.#side(mirror)
        if (!side) throw refuseHandover(`mirror ${mirror.id} is not here`)
        if (side.keptBy)
          throw refuseHandover(`mirror ${mirror.id} is kept, and has not been begun again`)
        if (!this.#pair(mirror.id).isInSync())
          throw refuseHandover(`the disk of mirror ${mirror.id} is not up to date`)
        for (const flushed of this.#world.flushListeners) flushed(this.#volume(mirror.disk))
      }
      makeWritable(this.#world, this.#host, handover)
    })
  }

  async verify(mirror: Mirror): Promise<VerificationResult> {
    return await this.#act('verify', () => this.#pair(mirror.id).compare(mirror.disk.sizeBytes))
  }

  async keep(mirror: Mirror, mode: KeepMode): Promise<void> {
    await this.#act('keep', () => {
      const side = this.#addSide(mirror, 'secondary')
      side.role = mirror.side === 'source' ? 'primary' : 'secondary'
      side.keptBy = mode
      const device = this.#kernel.devices.get(mirror.disk.vdi)
      if (device) retarget(device, mirror.side === 'source' ? 'mirror' : 'fenced')
      this.#pair(mirror.id).announce()
    })
  }

  async close(mirror: Mirror, keep: 'volume' | 'nothing'): Promise<void> {
    await this.#act('close', () => {
      const pair = this.#world.pairs.get(mirror.id)
      pair?.told(this.#host, mirror)
      pair?.lose(this.#host)
      const device = this.#kernel.devices.get(mirror.disk.vdi)
      if (device) retarget(device, keep === 'volume' ? 'volume' : 'fenced')
    })
  }

  async relocate(disk: Disk, to: Disk, { commit, onProgress, signal }: Relocation): Promise<void> {
    const { clock, syncSteps, syncStepMs } = this.#world
    await this.#act('relocate', () => this.#volume(to))
    for (let step = 1; step <= syncSteps; step += 1) {
      do await clock.sleep(syncStepMs, signal)
      while (this.#world.isSyncHeld)
      onProgress(disk.sizeBytes * (1 - step / syncSteps))
    }
    const device = this.#kernel.devices.get(disk.vdi)
    if (device) retarget(device, 'held')
    try {
      for (const [block, value] of this.#volume(disk).blocks)
        this.#volume(to).blocks.set(block, value)
      signal.throwIfAborted()
      await commit()
    } catch (error) {
      await this.settle(disk)
      throw error
    }
    await this.settle(to)
  }

  async settle(disk: Disk): Promise<void> {
    await this.#act('settle', () => {
      const device = this.#kernel.devices.get(disk.vdi)
      if (!device) return
      device.volume = this.#volume(disk)
      retarget(device, 'volume')
    })
  }

  async inventory(): Promise<readonly InventoryItem[]> {
    return await this.#act('inventory', () => [
      ...[...this.#kernel.devices.values()]
        .filter(({ adopted }) => !adopted)
        .map(({ vdi, path: name }) => ({ kind: 'mapped-device' as const, name, owner: vdi })),
      ...[...this.#world.pairs.values()].flatMap((pair) =>
        pair.at(this.#host)
          ? [{ kind: 'minor' as const, name: `mirror-${pair.id}`, owner: pair.id }]
          : [],
      ),
    ])
  }

  async discard(owner: string): Promise<void> {
    await this.#act('discard', () => {
      const device = this.#kernel.devices.get(owner)
      if (device && !device.adopted) {
        retarget(device, 'fenced')
        this.#kernel.devices.delete(owner)
      }
      this.#world.pairs.get(owner)?.lose(this.#host)
    })
  }

  get #kernel(): SimulatedKernel {
    return this.#world.kernel(this.#host)
  }

  async #act<Result>(name: string, perform: () => Result): Promise<Result> {
    return await this.#kernel.faults.around(`datapath.${name}`, perform)
  }

  #pair(id: string): MirrorPair {
    const pair = this.#world.pairs.get(id) ?? new MirrorPair(this.#world, id)
    this.#world.pairs.set(id, pair)
    return pair
  }

  #side(mirror: Mirror): MirrorSide | undefined {
    return this.#world.pairs.get(mirror.id)?.at(this.#host)
  }

  #addSide(mirror: Mirror, role: MirrorSide['role']): MirrorSide {
    const pair = this.#pair(mirror.id)
    const volume = this.#volume(mirror.disk)
    const own = { host: this.#host, mirror, volume, role, isConnected: false, keptBy: null }
    return pair.told(this.#host, mirror) ?? pair.add(own)
  }

  /** A side that was kept is one that waits for the other again. */
  #begin(mirror: Mirror, role: MirrorSide['role']): void {
    const side = this.#addSide(mirror, role)
    if (side.keptBy) Object.assign(side, { keptBy: null, isConnected: false })
  }

  #addDevice(disk: Disk, path: string): void {
    const side = [...this.#world.pairs.values()]
      .map((pair) => pair.at(this.#host))
      .find((candidate) => candidate?.mirror.disk.vdi === disk.vdi)
    const mode = side ? (side.role === 'primary' ? 'mirror' : 'standby') : 'volume'
    this.#kernel.devices.set(disk.vdi, {
      ...{ vdi: disk.vdi, path, volume: this.#volume(disk), mode },
      ...{ adopted: !path.startsWith('/dev/mapper/crosspool-') },
      ...{ hasWritten: false, waiting: [] },
    })
  }

  #volume(disk: Disk): SimulatedVolume {
    const volume = this.#kernel.attached.get(disk.volumePath)
    if (volume) return volume
    const reason = `${this.#host} has no device ${disk.volumePath}`
    throw new CrosspoolError('SR_UNUSABLE', { sr: 'of the simulation', reason })
  }
}
