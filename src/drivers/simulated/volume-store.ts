import { CrosspoolError } from '../../model/errors.ts'
import type {
  AttachedVolume,
  Volume,
  VolumeStore,
  VolumeStoreFactory,
} from '../../ports/volume-store.ts'
import type {
  SimulatedArray,
  SimulatedKernel,
  SimulatedVolume,
  StorageWorld,
} from './storage-world.ts'

/**
 * Volumes in memory. Configuration: `array`, the name of the simulated array (by default one of its
 * own for each SR), its `sizeBytes`, and the capabilities `shared`, `thin`, `canCreate`, `adoptable`.
 */
export function createSimulatedVolumeStores(world: StorageWorld, host: string): VolumeStoreFactory {
  return ({ id, configuration }) => {
    const { array = id, sizeBytes, ...capabilities } = configuration
    if (typeof array !== 'string')
      throw new CrosspoolError('SR_UNUSABLE', { sr: id, reason: 'array must be a name' })
    return new SimulatedVolumeStore(
      world.kernel(host),
      world.array(array, typeof sizeBytes === 'number' ? sizeBytes : undefined),
      id,
      capabilities,
    )
  }
}

class SimulatedVolumeStore implements VolumeStore {
  readonly capabilities
  readonly #kernel: SimulatedKernel
  readonly #array: SimulatedArray
  readonly #sr: string

  constructor(
    kernel: SimulatedKernel,
    array: SimulatedArray,
    sr: string,
    capabilities: Readonly<Record<string, unknown>>,
  ) {
    this.#kernel = kernel
    this.#array = array
    this.#sr = sr
    this.capabilities = {
      shared: capabilities.shared === true,
      thin: capabilities.thin === true,
      canCreate: capabilities.canCreate !== false,
      adoptable: capabilities.adoptable !== false,
    }
  }

  readonly bootFence = {
    raise: (id: string) =>
      this.#kernel.faults.around('volume-store.raise-fence', () => void this.#array.fenced.add(id)),
    lower: (id: string) =>
      this.#kernel.faults.around('volume-store.lower-fence', () => {
        const volume = this.#array.volumes.get(id)
        if (volume && this.#array.fenced.delete(id))
          this.#kernel.attached.set(this.#path(volume), volume)
      }),
  }

  async open() {
    await this.#kernel.faults.around('volume-store.open', () => {})
  }

  async capacity() {
    return await this.#kernel.faults.around('volume-store.capacity', () => ({
      sizeBytes: this.#array.sizeBytes,
      freeBytes: this.#freeBytes(),
    }))
  }

  async list(): Promise<readonly Volume[]> {
    return await this.#kernel.faults.around('volume-store.list', () =>
      [...this.#array.volumes.values()].map((volume) => this.#describe(volume)),
    )
  }

  async create(
    id: string,
    name: string,
    sizeBytes: number,
    { willBeOverwritten = false } = {},
  ): Promise<Volume> {
    return await this.#kernel.faults.around('volume-store.create', () => {
      const present = this.#array.volumes.get(id)
      if (present?.sizeBytes === sizeBytes) return this.#describe(present)
      if (present) throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
      if (!this.capabilities.canCreate)
        throw new CrosspoolError('NOT_SUPPORTED', {
          what: 'Making a volume',
          reason: `SR ${this.#sr} cannot`,
        })
      const freeBytes = this.#freeBytes()
      if (sizeBytes > freeBytes)
        throw new CrosspoolError('SR_FULL', { sr: this.#sr, freeBytes, neededBytes: sizeBytes })
      const blocks = new Map(willBeOverwritten ? [[0, 'what another volume held']] : [])
      const volume = { id, name, sizeBytes, managed: true, blocks }
      this.#array.volumes.set(id, volume)
      return this.#describe(volume)
    })
  }

  async destroy(id: string): Promise<void> {
    await this.#kernel.faults.around('volume-store.destroy', () => {
      const volume = this.#array.volumes.get(id)
      if (!volume) return
      if (!volume.managed)
        throw new CrosspoolError('WRONG_STATE', {
          ...{ kind: 'vdi', id, state: "the administrator's" },
          ...{ operation: 'destroy', needed: 'made by Crosspool' },
        })
      this.#array.volumes.delete(id)
      this.#kernel.attached.delete(this.#path(volume))
    })
  }

  async attach(id: string): Promise<AttachedVolume> {
    return await this.#kernel.faults.around('volume-store.attach', () => {
      const volume = this.#array.volumes.get(id)
      if (!volume) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
      this.#kernel.attached.set(this.#path(volume), volume)
      return { path: this.#path(volume), format: 'raw' as const }
    })
  }

  async detach(id: string): Promise<void> {
    await this.#kernel.faults.around('volume-store.detach', () => {
      const volume = this.#array.volumes.get(id)
      if (volume) this.#kernel.attached.delete(this.#path(volume))
    })
  }

  #freeBytes(): number {
    const volumes = [...this.#array.volumes.values()]
    return this.#array.sizeBytes - volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0)
  }

  #path(volume: SimulatedVolume): string {
    return `/dev/${this.#array.name}/${volume.managed ? 'crosspool-' : ''}${volume.id}`
  }

  #describe(volume: SimulatedVolume): Volume {
    const { id, name, sizeBytes, managed } = volume
    const path = this.#path(volume)
    const format = 'raw' as const
    return { id, name, sizeBytes, allocatedBytes: sizeBytes, format, managed, paths: [path] }
  }
}
