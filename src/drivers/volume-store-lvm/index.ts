import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type {
  AttachedVolume,
  Volume,
  VolumeStore,
  VolumeStoreCapabilities,
  VolumeStoreFactory,
} from '../../ports/volume-store.ts'
import * as commands from './commands.ts'
import { type LvmConfiguration, parseLvmConfiguration } from './configuration.ts'
import { inUseError, isGroupMissing, isOutOfSpace, unusable } from './errors.ts'
import { type LogicalVolume, parseFilter, parseGroup, parseVolumes } from './parse-report.ts'
import type { VolumeTags } from './tags.ts'

/** No disk that is still worth using zeroes more slowly than this. */
const zeroedBytesPerMsMin = (10 * MiB) / 1000
const commandTimeoutMs = 120_000

/**
 * Volumes are LVs of one volume group: thick ones, or thin ones in the given pool. Ours are named
 * `crosspool-ID` and tagged; all others are the administrator's, and are neither removed nor
 * deactivated. A thick volume is filled with zeroes when it is made, unless a mirror will fill it,
 * which takes as long as writing it where its disks cannot do that by themselves; a thin one costs
 * nothing.
 */
export function createLvmVolumeStores(runner: CommandRunner): VolumeStoreFactory {
  return ({ id, configuration }) =>
    new LvmVolumeStore(runner, id, parseLvmConfiguration(id, configuration))
}

class LvmVolumeStore implements VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  readonly bootFence = {
    raise: (id: string) => this.#raiseBootFence(id),
    lower: (id: string) => this.#lowerBootFence(id),
  }
  readonly #runner: CommandRunner
  readonly #sr: string
  readonly #configuration: LvmConfiguration
  #options: readonly string[] = commands.lvmOptions([])

  constructor(runner: CommandRunner, sr: string, configuration: LvmConfiguration) {
    this.#runner = runner
    this.#sr = sr
    this.#configuration = configuration
    const thin = configuration.thinPool !== undefined
    this.capabilities = { shared: false, thin, canCreate: true, adoptable: true }
  }

  async open(): Promise<void> {
    this.#options = commands.lvmOptions(parseFilter(await this.#run(commands.readFilter(), [])))
    const { thinPool, volumeGroup } = this.#configuration
    const { pools } = await this.#read()
    if (thinPool === undefined) return
    const pool = pools.find(({ name }) => name === thinPool)
    if (!pool) throw unusable(this.#sr, `there is no thin pool ${thinPool} in ${volumeGroup}`)
    if (!pool.zeroes) {
      const mend = `lvchange --zero y ${volumeGroup}/${thinPool}`
      throw unusable(this.#sr, `thin pool ${thinPool} does not zero its blocks; do: ${mend}`)
    }
  }

  async capacity() {
    const { thinPool } = this.#configuration
    if (thinPool === undefined) return await this.#group()
    const { pools } = await this.#read()
    const pool = pools.find(({ name }) => name === thinPool)
    if (!pool) throw unusable(this.#sr, `there is no thin pool ${thinPool}`)
    return { sizeBytes: pool.sizeBytes, freeBytes: pool.freeBytes }
  }

  async list(): Promise<readonly Volume[]> {
    const { volumes } = await this.#read()
    return volumes.filter(({ isUnfinished }) => !isUnfinished).map(toVolume)
  }

  async create(
    id: string,
    name: string,
    sizeBytes: number,
    { willBeOverwritten = false } = {},
  ): Promise<Volume> {
    const { volumes, pools } = await this.#read()
    let volume = volumes.find((candidate) => candidate.id === id)
    if (!volume) {
      // LVM itself counts the extents of a thick volume; a thin one it would make without space.
      const pool = pools.find((candidate) => candidate.name === this.#configuration.thinPool)
      if (pool && sizeBytes > pool.freeBytes) throw this.#full(pool.freeBytes, sizeBytes)
      const isUnfinished = !this.capabilities.thin && !willBeOverwritten
      await this.#allocate({ id, name, sizeBytes, isUnfinished })
      volume = await this.#get(id)
    }
    if (volume.sizeBytes !== sizeBytes)
      throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
    if (volume.isUnfinished) await this.#finish(volume)
    return toVolume(volume)
  }

  async destroy(id: string): Promise<void> {
    const volume = await this.#find(id)
    if (!volume) return
    if (!volume.managed)
      throw new CrosspoolError('WRONG_STATE', {
        ...{ kind: 'vdi', id, state: "the administrator's" },
        ...{ operation: 'destroy', needed: 'made by Crosspool' },
      })
    await this.#change(id, commands.removeVolume(volume.path))
  }

  async attach(id: string): Promise<AttachedVolume> {
    const volume = await this.#get(id)
    if (!volume.isActive) await this.#change(id, commands.activateVolume(volume.path))
    // Of this pool it is known that it zeroes its blocks.
    const { thinPool } = this.#configuration
    const discardsReadAsZeroes = thinPool !== undefined && volume.pool === thinPool
    return { path: volume.path, format: 'raw', discardsReadAsZeroes }
  }

  async detach(id: string): Promise<void> {
    const volume = await this.#find(id)
    if (!volume?.managed || !volume.isActive) return
    await this.#change(id, commands.deactivateVolume(volume.path))
  }

  async #raiseBootFence(id: string): Promise<void> {
    const volume = await this.#get(id)
    if (!volume.isSkipped) await this.#change(id, commands.raiseBootFence(volume.path))
  }

  async #lowerBootFence(id: string): Promise<void> {
    const volume = await this.#find(id)
    if (!volume?.isFenced) return
    // Activated first, so that a crash in between is mended by the next call.
    if (!volume.isActive) await this.#change(id, commands.activateVolume(volume.path))
    await this.#change(id, commands.lowerBootFence(volume.path))
  }

  async #allocate(tags: VolumeTags): Promise<void> {
    try {
      await this.#run(commands.createVolume(this.#configuration, tags))
    } catch (error) {
      if (!isOutOfSpace(error)) throw error
      throw this.#full((await this.capacity()).freeBytes, tags.sizeBytes, error)
    }
  }

  /** The tag that says "not zeroed yet" goes last, so a crash in between is mended by the next call. */
  async #finish(volume: LogicalVolume): Promise<void> {
    if (!volume.isActive) await this.#run(commands.activateVolume(volume.path))
    const timeoutMs = commandTimeoutMs + volume.sizeBytes / zeroedBytesPerMsMin
    const [command, ...args] = commands.zeroVolume(volume.path)
    await this.#runner.run(command, args, { timeoutMs })
    await this.#run(commands.finishVolume(volume.path))
  }

  #full(freeBytes: number, neededBytes: number, cause?: unknown): CrosspoolError {
    return new CrosspoolError('SR_FULL', { sr: this.#sr, freeBytes, neededBytes }, cause)
  }

  async #get(id: string): Promise<LogicalVolume> {
    const volume = await this.#find(id)
    if (!volume) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
    return volume
  }

  async #find(id: string): Promise<LogicalVolume | undefined> {
    return (await this.#read()).volumes.find((volume) => volume.id === id)
  }

  async #read() {
    return parseVolumes(await this.#report(commands.listVolumes(this.#configuration)))
  }

  async #group() {
    const group = parseGroup(await this.#report(commands.reportGroup(this.#configuration)))
    if (!group) throw unusable(this.#sr, `${this.#configuration.volumeGroup} is not there`)
    return { sizeBytes: group.sizeBytes, freeBytes: group.freeBytes }
  }

  async #report(command: commands.LvmCommand): Promise<string> {
    try {
      return await this.#run(command)
    } catch (error) {
      if (!isGroupMissing(error)) throw error
      const { volumeGroup } = this.#configuration
      throw unusable(this.#sr, `there is no volume group ${volumeGroup}`, error)
    }
  }

  async #change(id: string, command: commands.LvmCommand): Promise<void> {
    try {
      await this.#run(command)
    } catch (error) {
      throw inUseError(error, id)
    }
  }

  async #run(
    [command, ...args]: commands.LvmCommand,
    options: readonly string[] = this.#options,
  ): Promise<string> {
    const all = [...args, ...options]
    return (await this.#runner.run(command, all, { timeoutMs: commandTimeoutMs })).stdout
  }
}

function toVolume(volume: LogicalVolume): Volume {
  const { id, name, sizeBytes, allocatedBytes, format, managed, paths } = volume
  return { id, name, sizeBytes, allocatedBytes, format, managed, paths }
}
