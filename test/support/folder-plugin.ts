import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface FolderPlugin {
  /** What the configuration of an SR names. */
  readonly root: string
  readonly plugin: string
  readonly sr: string
  remove(): Promise<void>
}

const methods = {
  'volume/org.crosspool.folder': [
    // Plug-ins of the wild differ in how they write it.
    ...['plugin.query', 'SR.probe', 'SR.create', 'SR.attach', 'SR.stat', 'SR.ls'],
    ...['Volume.create', 'Volume.destroy'],
  ],
  'datapath/folder+file': [
    ...['Plugin.Query', 'Datapath.attach', 'Datapath.activate'],
    ...['Datapath.deactivate', 'Datapath.detach'],
  ],
} as const

/** Installs the plug-in of folder-plugin.mjs as SMAPIv3 wants it: one executable for each method. */
export async function installFolderPlugin(): Promise<FolderPlugin> {
  const root = await mkdtemp(join(tmpdir(), 'crosspool-plugin-'))
  const script = join(import.meta.dirname, 'folder-plugin.mjs')
  for (const [folder, names] of Object.entries(methods)) {
    await mkdir(join(root, folder), { recursive: true })
    for (const name of names) await symlink(script, join(root, folder, name))
  }
  return {
    ...{ root, plugin: 'org.crosspool.folder', sr: join(root, 'sr') },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}
