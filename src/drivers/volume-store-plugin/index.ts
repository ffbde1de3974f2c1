import { join } from 'node:path'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { nameBasedUuid } from '../../lib/name-based-uuid.ts'
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
import {
  nothingSchema,
  type PluginVolume,
  probeSchema,
  querySchema,
  srStatSchema,
  textSchema,
  textsSchema,
  volumeSchema,
  volumesSchema,
} from './answers.ts'
import { type PluginConfiguration, parsePluginConfiguration } from './configuration.ts'
import { PluginDatapaths } from './datapaths.ts'
import { formatDescription, parseDescription } from './own-description.ts'
import { PluginRunner } from './plugin-runner.ts'

const apiVersion = '5.0'

/**
 * Volumes of a SMAPIv3 plug-in: executables `SR.*`, `Volume.*` and `Datapath.*` as xapi's storage
 * scripts are. Ours say so in their description; all others are the administrator's.
 */
export function createPluginVolumeStores(runner: CommandRunner): VolumeStoreFactory {
  return ({ id, configuration }) =>
    new PluginVolumeStore(runner, id, parsePluginConfiguration(id, configuration))
}

interface FoundVolume {
  readonly volume: Volume
  readonly key: string
  readonly uris: readonly string[]
}

class PluginVolumeStore implements VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  readonly #sr: string
  readonly #configuration: PluginConfiguration
  readonly #plugin: PluginRunner
  readonly #datapaths: PluginDatapaths
  /** Where attached volumes are: only the datapath knows, and it tells nobody else. */
  readonly #paths = new Map<string, string>()
  /** Plug-ins need not stand two changes at once. */
  readonly #lock = createKeyedLock()
  #handle: string | null = null

  constructor(runner: CommandRunner, sr: string, configuration: PluginConfiguration) {
    const { root, plugin, shared } = configuration
    this.#sr = sr
    this.#configuration = configuration
    this.#plugin = new PluginRunner(runner, join(root, 'volume', plugin))
    this.#datapaths = new PluginDatapaths(runner, root)
    this.capabilities = { shared, thin: false, canCreate: true, adoptable: false }
  }

  async open(): Promise<void> {
    try {
      const { required_api_version: version } = await this.#plugin.call(
        ...(['Plugin.query', {}, querySchema] as const),
      )
      if (version !== apiVersion)
        throw this.#unusable(`the plug-in speaks version ${version}, not ${apiVersion}`)
      const configuration = await this.#findOrCreate()
      this.#handle = await this.#plugin.call('SR.attach', { configuration }, textSchema)
    } catch (error) {
      if (error instanceof CrosspoolError && error.code === 'SR_UNUSABLE') throw error
      throw this.#unusable(error instanceof Error ? error.message : String(error), error)
    }
  }

  async capacity() {
    const stat = await this.#call('SR.stat', {}, srStatSchema)
    return { sizeBytes: stat.total_space, freeBytes: stat.free_space }
  }

  async list(): Promise<readonly Volume[]> {
    return (await this.#read()).map(({ volume }) => volume)
  }

  async create(id: string, name: string, sizeBytes: number): Promise<Volume> {
    return this.#lock.run([this.#sr], async () => {
      const known = await this.#find(id)
      if (known && known.volume.sizeBytes !== sizeBytes)
        throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
      if (known) return known.volume
      const { freeBytes } = await this.capacity()
      if (freeBytes < sizeBytes)
        throw new CrosspoolError('SR_FULL', { sr: this.#sr, freeBytes, neededBytes: sizeBytes })
      const description = formatDescription({ id, sizeBytes })
      const wanted = { name, description, size: sizeBytes, sharable: false }
      return this.#describe(await this.#call('Volume.create', wanted, volumeSchema)).volume
    })
  }

  async destroy(id: string): Promise<void> {
    await this.#lock.run([this.#sr], async () => {
      const found = await this.#find(id)
      if (!found) return
      if (!found.volume.managed)
        throw new CrosspoolError('WRONG_STATE', {
          ...{ kind: 'vdi', id, state: "the administrator's" },
          ...{ operation: 'destroy', needed: 'made by Crosspool' },
        })
      await this.#call('Volume.destroy', { key: found.key }, nothingSchema)
    })
  }

  async attach(id: string, presentation: Presentation): Promise<AttachedVolume> {
    return this.#lock.run([id], async () => {
      const found = await this.#find(id)
      if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
      const attached = await this.#datapaths.attach(id, found.uris, presentation)
      this.#paths.set(id, attached.path)
      return attached
    })
  }

  async detach(id: string): Promise<void> {
    await this.#lock.run([id], async () => {
      const found = await this.#find(id)
      if (found) await this.#datapaths.detach(id, found.uris)
      this.#paths.delete(id)
    })
  }

  /** With what the SR is attached. One that is there is never made again: that could empty it. */
  async #findOrCreate(): Promise<Readonly<Record<string, string>>> {
    const { configuration, create, plugin } = this.#configuration
    if ((await this.#plugin.find('SR.probe')) === null) {
      if (create) throw this.#unusable(`plug-in ${plugin} cannot tell whether there is an SR`)
      return configuration
    }
    const probed = await this.#plugin.call('SR.probe', { configuration }, probeSchema)
    const found = probed.filter(({ complete, sr }) => complete && sr)
    const own = found.find(({ sr }) => sr?.uuid === this.#sr)
    if (!own && found.length > 1) throw this.#unusable('the plug-in finds several SRs there')
    const there = own ?? found[0]
    if (there) return there.configuration
    if (!create) throw this.#unusable('there is none yet; with "create": true the plug-in makes it')
    return this.#plugin.call(
      'SR.create',
      { uuid: this.#sr, configuration, name: this.#sr, description: 'made by Crosspool' },
      textsSchema,
    )
  }

  async #find(id: string): Promise<FoundVolume | undefined> {
    return (await this.#read()).find(({ volume }) => volume.id === id)
  }

  async #read(): Promise<FoundVolume[]> {
    return (await this.#call('SR.ls', {}, volumesSchema)).map((volume) => this.#describe(volume))
  }

  #describe(found: PluginVolume): FoundVolume {
    const own = parseDescription(found.description)
    const id = own?.id ?? nameBasedUuid(this.#sr, found.key)
    const path = this.#paths.get(id)
    return {
      ...{ key: found.key, uris: found.uri },
      volume: {
        ...{ id, name: found.name, format: 'raw', managed: own !== null },
        sizeBytes: own?.sizeBytes ?? found.virtual_size,
        allocatedBytes: found.physical_utilisation,
        paths: path === undefined ? [] : [path],
      },
    }
  }

  async #call<Answer extends Parameters<PluginRunner['call']>[2]>(
    method: string,
    parameters: Readonly<Record<string, unknown>>,
    answer: Answer,
  ) {
    if (this.#handle === null) throw this.#unusable('it has not been opened')
    return this.#plugin.call(method, { sr: this.#handle, ...parameters }, answer)
  }

  #unusable(reason: string, cause?: unknown): CrosspoolError {
    return new CrosspoolError('SR_UNUSABLE', { sr: this.#sr, reason }, cause)
  }
}
