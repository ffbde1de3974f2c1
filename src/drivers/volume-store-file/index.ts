import { access, constants, statfs } from 'node:fs/promises'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type {
  Volume,
  VolumeStore,
  VolumeStoreCapabilities,
  VolumeStoreFactory,
} from '../../ports/volume-store.ts'
import { parseFileConfiguration } from './configuration.ts'
import { LoopDevices } from './loop-devices.ts'
import { createRawFile, listRawFiles, type RawFile, removeRawFile } from './raw-files.ts'

export interface FileVolumeStoreOptions {
  /** The folder is mounted on several hosts (NFS, a cluster file system). */
  readonly shared: boolean
}

/**
 * Volumes are raw sparse files in one folder, presented as loop devices. A new file takes no space,
 * so the folder may be promised more than once over; but no single file is made that would not fit
 * into what is free at that moment. Raw images of the administrator's in the same folder are
 * listed, and never removed.
 */
export function createFileVolumeStores(
  runner: CommandRunner,
  options: FileVolumeStoreOptions,
): VolumeStoreFactory {
  const loops = new LoopDevices(runner)
  return ({ id, configuration }) =>
    new FileVolumeStore(loops, id, parseFileConfiguration(id, configuration).directory, options)
}

class FileVolumeStore implements VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  readonly #loops: LoopDevices
  readonly #sr: string
  readonly #directory: string

  constructor(
    loops: LoopDevices,
    sr: string,
    directory: string,
    { shared }: FileVolumeStoreOptions,
  ) {
    this.#loops = loops
    this.#sr = sr
    this.#directory = directory
    this.capabilities = { shared, thin: true, canCreate: true, adoptable: false }
  }

  async open(): Promise<void> {
    try {
      await access(this.#directory, constants.R_OK | constants.W_OK | constants.X_OK)
      await listRawFiles(this.#directory, this.#sr)
    } catch (error) {
      const reason = `the folder ${this.#directory} is not there, or cannot be written`
      throw new CrosspoolError('SR_UNUSABLE', { sr: this.#sr, reason }, error)
    }
  }

  async capacity() {
    const { blocks, bavail, bsize } = await statfs(this.#directory)
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize }
  }

  async list(): Promise<readonly Volume[]> {
    const [files, loops] = await Promise.all([
      listRawFiles(this.#directory, this.#sr),
      this.#loops.list(),
    ])
    return files.map((file) => {
      const devices = loops.filter((loop) => loop.file === file.path && loop.offsetBytes === 0)
      return toVolume(
        file,
        devices.map(({ path }) => path),
      )
    })
  }

  async create(id: string, name: string, sizeBytes: number): Promise<Volume> {
    const present = await this.#find(id)
    if (present) {
      if (present.sizeBytes === sizeBytes) return toVolume(present)
      throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
    }
    const { freeBytes } = await this.capacity()
    if (sizeBytes > freeBytes)
      throw new CrosspoolError('SR_FULL', { sr: this.#sr, freeBytes, neededBytes: sizeBytes })
    await createRawFile(this.#directory, id, name, sizeBytes)
    return toVolume(await this.#get(id))
  }

  async destroy(id: string): Promise<void> {
    const file = await this.#find(id)
    if (!file) return
    if (!file.managed)
      throw new CrosspoolError('WRONG_STATE', {
        ...{ kind: 'vdi', id, state: "the administrator's" },
        ...{ operation: 'destroy', needed: 'made by Crosspool' },
      })
    await this.#loops.detach(file.path, file.sizeBytes)
    await removeRawFile(this.#directory, id)
  }

  async attach(id: string): Promise<string> {
    const file = await this.#get(id)
    // Two page caches over one file would show each host its own old data.
    return await this.#loops.attach(file.path, file.sizeBytes, this.capabilities.shared)
  }

  async detach(id: string): Promise<void> {
    const file = await this.#find(id)
    if (file) await this.#loops.detach(file.path, file.sizeBytes)
  }

  async #get(id: string): Promise<RawFile> {
    const file = await this.#find(id)
    if (!file) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
    return file
  }

  async #find(id: string): Promise<RawFile | undefined> {
    return (await listRawFiles(this.#directory, this.#sr)).find((file) => file.id === id)
  }
}

function toVolume(file: RawFile, devices: readonly string[] = []): Volume {
  const { id, name, sizeBytes, allocatedBytes, managed } = file
  return { id, name, sizeBytes, allocatedBytes, managed, paths: [...file.paths, ...devices] }
}
