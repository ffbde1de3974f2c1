import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { AttachedVolume, Presentation } from '../../ports/volume-store.ts'
import { attachSchema, nothingSchema, querySchema } from './answers.ts'
import { PluginRunner } from './plugin-runner.ts'

/** The plug-ins that make something usable of a volume's URI; each is named after a scheme. */
export class PluginDatapaths {
  readonly #runner: CommandRunner
  readonly #folder: string

  constructor(runner: CommandRunner, root: string) {
    this.#runner = runner
    this.#folder = join(root, 'datapath')
  }

  /** Safe to repeat, as every datapath must be. @throws NOT_SUPPORTED */
  async attach(
    id: string,
    uris: readonly string[],
    presentation: Presentation,
  ): Promise<AttachedVolume> {
    const { uri, plugin } = await this.#choose(uris)
    const domain = domainOf(id)
    if (await mustOpen(plugin))
      await plugin.call('Datapath.open', { uri, persistent: true }, nothingSchema)
    const { implementations } = await plugin.call('Datapath.attach', { uri, domain }, attachSchema)
    const path = pathOf(implementations, presentation)
    if (path === null) {
      await plugin.call('Datapath.detach', { uri, domain }, nothingSchema)
      const offered = implementations.map((one) => (typeof one === 'string' ? one : one[0]))
      throw new CrosspoolError('NOT_SUPPORTED', {
        what: `A volume as ${presentation}`,
        reason: `the datapath of ${uri} offers ${offered.join(', ') || 'nothing'}`,
      })
    }
    await plugin.call('Datapath.activate', { uri, domain }, nothingSchema)
    return { path, format: 'raw' }
  }

  async detach(id: string, uris: readonly string[]): Promise<void> {
    const { uri, plugin } = await this.#choose(uris)
    const domain = domainOf(id)
    await plugin.call('Datapath.deactivate', { uri, domain }, nothingSchema)
    await plugin.call('Datapath.detach', { uri, domain }, nothingSchema)
    if (await mustOpen(plugin)) await plugin.call('Datapath.close', { uri }, nothingSchema)
  }

  /** The first URI whose scheme has a plug-in, as the plug-in's author ordered them. */
  async #choose(
    uris: readonly string[],
  ): Promise<{ readonly uri: string; readonly plugin: PluginRunner }> {
    for (const uri of uris) {
      const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri) ?? []
      if (scheme === undefined) continue
      const directory = join(this.#folder, scheme)
      const isThere = await access(directory).then(
        () => true,
        () => false,
      )
      if (isThere) return { uri, plugin: new PluginRunner(this.#runner, directory) }
    }
    throw new CrosspoolError('NOT_SUPPORTED', {
      what: `A volume at ${uris.join(', ')}`,
      reason: `${this.#folder} has no plug-in for it`,
    })
  }
}

/** Only such a datapath has to be told whether what is written stays. */
async function mustOpen(plugin: PluginRunner): Promise<boolean> {
  if ((await plugin.find('Datapath.open')) === null) return false
  const { features } = await plugin.call('Plugin.query', {}, querySchema)
  return features.includes('NONPERSISTENT')
}

/** As the host itself is named among the domains that use a volume. */
function domainOf(id: string): string {
  return `u0-crosspool_${id.replaceAll('-', '_')}`
}

type Implementations = readonly (string | readonly [string, Readonly<Record<string, unknown>>])[]

/** A block device serves for an image too; a file is no block device. */
function pathOf(implementations: Implementations, presentation: Presentation): string | null {
  const wanted = presentation === 'device' ? ['BlockDevice'] : ['File', 'BlockDevice']
  for (const name of wanted) {
    for (const one of implementations) {
      if (typeof one === 'string' || one[0] !== name) continue
      const { path } = one[1]
      if (typeof path === 'string') return path
    }
  }
  return null
}
