import { mkdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { syncDirectory, writeDurably } from '../../lib/write-durably.ts'
import type { BlockResource } from '../../ports/block-replicator.ts'
import type { ReplicationOptions } from './options.ts'
import {
  formatMainFile,
  formatResourceFile,
  isSameEncounter,
  isWithinHost,
} from './resource-file.ts'

/**
 * The files that drbdadm and people read. `drbd.conf` includes all resources, for people. Each
 * resource also has a file of its own to be called with, so that none can be in another's way.
 */
export interface ResourceFiles {
  /** What drbdadm is given for this resource. */
  pathOf(name: string): string
  /** Whether another encounter stands in the present file: other addresses, or another secret. */
  isOtherEncounter(resource: BlockResource, minor: number): Promise<boolean>
  write(resource: BlockResource, minor: number): Promise<void>
  remove(name: string): Promise<void>
}

export function createResourceFiles(
  stateDirectory: string,
  options: ReplicationOptions,
  driverMajor: number,
): ResourceFiles {
  const directory = join(stateDirectory, 'drbd.d')
  const pathOf = (name: string) => join(directory, `${name}.conf`)
  const resourcePath = (name: string) => join(directory, `${name}.res`)
  // The two sides within a host name the same endpoints, which drbdadm does not take in one configuration.
  const withinHostPath = (name: string) => join(directory, `${name}.within-host`)

  const pathFor = (resource: BlockResource) =>
    isWithinHost(resource) ? withinHostPath(resource.name) : resourcePath(resource.name)
  const format = (resource: BlockResource, minor: number) =>
    formatResourceFile({ resource, minor, options, driverMajor, hostName: hostname() })

  return {
    pathOf,

    async isOtherEncounter(resource, minor) {
      const present = await readFile(pathFor(resource), 'utf8').catch(() => null)
      return present !== null && !isSameEncounter(present, format(resource, minor))
    },

    async write(resource, minor) {
      const { name } = resource
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const mainFile = join(stateDirectory, 'drbd.conf')
      await writeDurably(mainFile, formatMainFile(join(directory, '*.res')))
      const path = pathFor(resource)
      await writeDurably(path, format(resource, minor))
      await writeDurably(pathOf(name), formatMainFile(path))
    },

    async remove(name) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      for (const path of [pathOf(name), resourcePath(name), withinHostPath(name)])
        await rm(path, { force: true })
      await syncDirectory(directory)
    },
  }
}
