import type { SimulatedVolume, StorageWorld } from '../../src/drivers/simulated/storage-world.ts'
import type { SeededRandom } from './seeded-random.ts'

/**
 * What disks really hold: a write is safe once it has been flushed. Until then a host that loses its
 * power loses it, keeps it, or keeps a part of it. Copying flushes nothing, taking a disk does.
 */
export class DiskCaches {
  readonly #world: StorageWorld
  readonly #safe = new Map<SimulatedVolume, Map<number, string>>()

  constructor(world: StorageWorld) {
    this.#world = world
    world.flushListeners.add((volume) => this.#settle(volume, volume.blocks))
    for (const { volumes } of world.arrays.values())
      for (const volume of volumes.values()) this.#settle(volume, volume.blocks)
  }

  /** A guest's flush to its device; a mirror passes it on. */
  flush(host: string, path: string): void {
    const devices = [...this.#world.kernel(host).devices.values()]
    const device = devices.find((candidate) => candidate.path === path)
    const plain = device ? undefined : this.#world.kernel(host).attached.get(path)
    if (plain) this.#settle(plain, plain.blocks)
    if (!device) return
    this.#settle(device.volume, device.volume.blocks)
    const pair = [...this.#world.pairs.values()].find(
      (candidate) => candidate.at(host)?.mirror.disk.vdi === device.vdi,
    )
    const other = pair?.isLinked() && pair.other(host)?.volume
    if (other && device.mode === 'mirror') this.#settle(other, device.volume.blocks)
  }

  /** The power of the host whose disk this is has failed. */
  lose(volume: SimulatedVolume, random: SeededRandom): void {
    const safe = this.#safe.get(volume)
    for (const [block, value] of [...volume.blocks]) {
      const before = safe?.get(block)
      if (before === value) continue
      const left = random.pick(['kept', 'lost', 'torn'])
      if (left === 'torn') volume.blocks.set(block, tornText)
      else if (left === 'lost' && before !== undefined) volume.blocks.set(block, before)
      else if (left === 'lost') volume.blocks.delete(block)
    }
    this.#safe.set(volume, new Map(volume.blocks))
  }

  /** Only what the disk holds at this moment can be safe on it. */
  #settle(volume: SimulatedVolume, blocks: ReadonlyMap<number, string>): void {
    const safe = this.#safe.get(volume) ?? new Map<number, string>()
    for (const [block, value] of blocks) {
      if (volume.blocks.get(block) === value) safe.set(block, value)
    }
    this.#safe.set(volume, safe)
  }
}

export const tornText = 'half of an old record, half of a new one'
