import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlockResource } from '../../ports/block-replicator.ts'
import type { ReplicationOptions } from './options.ts'
import { formatMainFile, formatResourceFile } from './resource-file.ts'
import { syncDirectory, writeDurably } from './write-durably.ts'

/** The files that drbdadm and people read: one for each resource, and one that includes them. */
export interface ResourceFiles {
  readonly mainFile: string
  write(resource: BlockResource, minor: number): Promise<void>
  remove(name: string): Promise<void>
}

export function createResourceFiles(
  stateDirectory: string,
  options: ReplicationOptions,
  driverMajor: number,
): ResourceFiles {
  const directory = join(stateDirectory, 'drbd.d')
  const mainFile = join(stateDirectory, 'drbd.conf')
  const pathOf = (name: string) => join(directory, `${name}.res`)

  return {
    mainFile,
    async write(resource, minor) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeDurably(mainFile, formatMainFile(directory))
      const content = formatResourceFile({ resource, minor, options, driverMajor })
      await writeDurably(pathOf(resource.name), content)
    },
    async remove(name) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await rm(pathOf(name), { force: true })
      await syncDirectory(directory)
    },
  }
}
