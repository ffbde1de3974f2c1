import { access, constants, statfs } from 'node:fs/promises'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type {
  AttachedVolume,
  Presentation,
  Volume,
  VolumeStore,
  VolumeStoreCapabilities,
  VolumeStoreFactory,
} from '../../ports/volume-store.ts'
import { createImage } from './commands.ts'
import { type FileConfiguration, parseFileConfiguration } from './configuration.ts'
import {
  createImageFile,
  createSparseFile,
  type ImageFile,
  listImageFiles,
  removeImageFile,
} from './image-files.ts'
import { LoopDevices } from './loop-devices.ts'
import { NetworkDevices } from './network-devices.ts'

export interface FileVolumeStoreOptions {
  /** The folder is mounted on several hosts (NFS, a cluster file system). */
  readonly shared: boolean
}

interface Devices {
  readonly runner: CommandRunner
  readonly loops: LoopDevices
  readonly networkDevices: NetworkDevices
}

/**
 * Volumes are images in one folder: raw and sparse, qcow2, or VHD. As block devices, raw ones are
 * loop devices and the others are served by qemu-nbd. A new file takes no space, so the folder may
 * be promised more than once over; but no single file is made that would not fit into what is free
 * at that moment. Images of the administrator's in the same folder are listed, and never removed.
 */
export function createFileVolumeStores(
  runner: CommandRunner,
  options: FileVolumeStoreOptions,
): VolumeStoreFactory {
  const loops = new LoopDevices(runner)
  const networkDevices = new NetworkDevices(runner)
  const devices = { runner, loops, networkDevices }
  return ({ id, configuration }) =>
    new FileVolumeStore(devices, id, parseFileConfiguration(id, configuration), options)
}

class FileVolumeStore implements VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  readonly #devices: Devices
  readonly #sr: string
  readonly #configuration: FileConfiguration

  constructor(
    devices: Devices,
    sr: string,
    configuration: FileConfiguration,
    { shared }: FileVolumeStoreOptions,
  ) {
    this.#devices = devices
    this.#sr = sr
    this.#configuration = configuration
    this.capabilities = { shared, thin: true, canCreate: true, adoptable: false }
  }

  async open(): Promise<void> {
    const { directory } = this.#configuration
    try {
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
      await listImageFiles(directory, this.#sr)
    } catch (error) {
      const reason = `the folder ${directory} is not there, or cannot be written`
      throw new CrosspoolError('SR_UNUSABLE', { sr: this.#sr, reason }, error)
    }
  }

  async capacity() {
    const { blocks, bavail, bsize } = await statfs(this.#configuration.directory)
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize }
  }

  async list(): Promise<readonly Volume[]> {
    const files = await listImageFiles(this.#configuration.directory, this.#sr)
    const devices = await this.#devicePaths(files)
    return files.map((file, index) => toVolume(file, devices[index]))
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
    const { directory, format } = this.#configuration
    await createImageFile(directory, { id, name, format }, async (path) => {
      if (format === 'raw') return await createSparseFile(path, sizeBytes)
      const [command, ...args] = createImage(path, format, sizeBytes)
      await this.#devices.runner.run(command, args)
    })
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
    await this.#detachFile(file)
    await removeImageFile(this.#configuration.directory, file)
  }

  async attach(id: string, presentation: Presentation): Promise<AttachedVolume> {
    const file = await this.#get(id)
    const { path, format, sizeBytes } = file
    if (presentation === 'image') return { path, format }
    // Two page caches over one file would show each host its own old data.
    const { shared } = this.capabilities
    const { loops, networkDevices } = this.#devices
    const device =
      format === 'raw'
        ? await loops.attach(path, sizeBytes, shared)
        : await networkDevices.attach(path, format, shared)
    return { path: device, format: 'raw' }
  }

  async detach(id: string): Promise<void> {
    const file = await this.#find(id)
    if (file) await this.#detachFile(file)
  }

  async #detachFile({ path, format, sizeBytes }: ImageFile): Promise<void> {
    const { loops, networkDevices } = this.#devices
    if (format === 'raw') await loops.detach(path, sizeBytes)
    else await networkDevices.detach(path)
  }

  /** Of each file; asked once for all of them. */
  async #devicePaths(files: readonly ImageFile[]): Promise<readonly (readonly string[])[]> {
    const { loops, networkDevices } = this.#devices
    const loopDevices = files.some(({ format }) => format === 'raw') ? await loops.list() : []
    return await Promise.all(
      files.map(async ({ path, format }) => {
        if (format !== 'raw') return await networkDevices.pathsOf(path)
        const own = loopDevices.filter((loop) => loop.file === path && loop.offsetBytes === 0)
        return own.map((loop) => loop.path)
      }),
    )
  }

  async #get(id: string): Promise<ImageFile> {
    const file = await this.#find(id)
    if (!file) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
    return file
  }

  async #find(id: string): Promise<ImageFile | undefined> {
    const files = await listImageFiles(this.#configuration.directory, this.#sr)
    return files.find((file) => file.id === id)
  }
}

function toVolume(file: ImageFile, devices: readonly string[] = []): Volume {
  const { id, name, sizeBytes, allocatedBytes, format, managed } = file
  const paths = [...file.paths, ...devices]
  return { id, name, sizeBytes, allocatedBytes, format, managed, paths }
}
