import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { nameBasedUuid } from '../../lib/name-based-uuid.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type {
  AttachedVolume,
  Volume,
  VolumeStore,
  VolumeStoreFactory,
} from '../../ports/volume-store.ts'
import { parseSharedConfiguration } from './configuration.ts'

/**
 * Volumes are block devices that several hosts reach (iSCSI, Fibre Channel, multipath), each one a
 * disk as it is. A volume's id comes from the id of the SR and the last part of the device's path,
 * so both must be the same on every host.
 */
export function createSharedVolumeStores(runner: CommandRunner): VolumeStoreFactory {
  return ({ id, configuration }) =>
    new SharedVolumeStore(runner, id, parseSharedConfiguration(id, configuration).devices)
}

class SharedVolumeStore implements VolumeStore {
  readonly capabilities = { shared: true, thin: false, canCreate: false, adoptable: true }
  readonly #runner: CommandRunner
  readonly #sr: string
  readonly #devices: readonly string[]

  constructor(runner: CommandRunner, sr: string, devices: readonly string[]) {
    this.#runner = runner
    this.#sr = sr
    this.#devices = devices
  }

  async open(): Promise<void> {
    if (new Set(this.#devices.map((device) => this.#idOf(device))).size < this.#devices.length)
      throw this.#unusable('two of its devices have the same name')
    for (const device of this.#devices) {
      const isBlockDevice = await stat(device).then(
        (facts) => facts.isBlockDevice(),
        () => false,
      )
      if (!isBlockDevice) throw this.#unusable(`${device} is not a block device of this host`)
    }
  }

  async capacity() {
    const volumes = await this.list()
    const sizeBytes = volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0)
    return { sizeBytes, freeBytes: 0 }
  }

  async list(): Promise<readonly Volume[]> {
    const volumes = await Promise.all(this.#devices.map((device) => this.#describe(device)))
    return volumes.filter((volume) => volume !== null)
  }

  async create(): Promise<Volume> {
    throw new CrosspoolError('NOT_SUPPORTED', {
      what: 'Making a volume',
      reason: `SR ${this.#sr} offers the devices of its configuration and no others`,
    })
  }

  async destroy(id: string): Promise<void> {
    if (!this.#devices.some((device) => this.#idOf(device) === id)) return
    throw new CrosspoolError('WRONG_STATE', {
      ...{ kind: 'vdi', id, state: "the administrator's" },
      ...{ operation: 'destroy', needed: 'made by Crosspool' },
    })
  }

  async attach(id: string): Promise<AttachedVolume> {
    const device = this.#devices.find((candidate) => this.#idOf(candidate) === id)
    if (device === undefined) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
    return { path: device, format: 'raw' }
  }

  async detach(): Promise<void> {}

  /** Null for a device that is not there at the moment, which must not hide the others. */
  async #describe(device: string): Promise<Volume | null> {
    const path = await realpath(device).catch(() => null)
    if (path === null) return null
    const size = await this.#runner.run('blockdev', ['--getsize64', path])
    const sizeBytes = Number(size.stdout)
    return {
      ...{ id: this.#idOf(device), name: basename(device), managed: false },
      ...{ sizeBytes, allocatedBytes: sizeBytes, format: 'raw' },
      paths: path === device ? [path] : [device, path],
    }
  }

  #idOf(device: string): string {
    return nameBasedUuid(this.#sr, basename(device))
  }

  #unusable(reason: string): CrosspoolError {
    return new CrosspoolError('SR_UNUSABLE', { sr: this.#sr, reason })
  }
}
