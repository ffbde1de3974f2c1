import type { Verdict } from '../model/diagnosis.ts'
import type { CommandRunner } from './command-runner.ts'

/**
 * What a driver wants to find on its host. It is told without opening the driver, which may be
 * impossible where something is missing: that is what it is told for.
 */
export interface HostNeeds {
  readonly programs?: readonly ProgramNeed[]
  /** Modules of the kernel. */
  readonly modules?: readonly ModuleNeed[]
  /** What only this driver knows to look at: devices, settings that are traps. */
  readonly looks?: readonly Look[]
  /** Commands that show how its things stand, for a support bundle. They change nothing. */
  readonly states?: readonly (readonly [command: string, ...args: string[]])[]
}

export interface ProgramNeed {
  readonly command: string
  /** Arguments that make it tell its version and do nothing else. */
  readonly versionArguments: readonly string[]
  /** Its first group is the version; left out: it does not tell. */
  readonly versionPattern?: RegExp
  /** The oldest that does; left out: any. */
  readonly oldest?: string
  /** Of Debian. */
  readonly package: string
  readonly purpose: string
}

export interface ModuleNeed {
  readonly name: string
  /** It is loaded when it is needed: enough that it is there. */
  readonly isLoadedOnDemand: boolean
  /** What brings it to a host that lacks it. */
  readonly source: string
}

export interface Look {
  readonly name: string
  look(host: HostView): Promise<Verdict>
}

/** A host for somebody who only looks. */
export interface HostView {
  /** Rejects for a program that is not there. */
  readonly probe: CommandRunner['probe']
  /** Null: it is not there, or may not be read. */
  readText(path: string): Promise<string | null>
  /** Names in a folder; none when it is not there. */
  listFolder(path: string): Promise<readonly string[]>
  /** Null: nothing is there. */
  status(path: string): Promise<{ readonly mode: number } | null>
  canUse(path: string): Promise<boolean>
  /** Of the file system in which `path` lies. Null: it is not there. */
  freeBytes(path: string): Promise<number | null>
  /** Addresses of a host's name; none when nobody knows it. */
  addressesOf(name: string): Promise<readonly string[]>
}
