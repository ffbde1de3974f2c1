/**
 * Stable block devices whose backing can be exchanged while they are in use (device-mapper).
 * The only thing that Crosspool ever puts between a VM and its volume.
 */
export interface BlockMapper {
  /** Makes device `name` with this table, active. If it is there with the same table, nothing happens. */
  create(name: string, table: BlockTable): Promise<void>
  /** Prepares the table that the next `resume` puts in place; the active one stays in use. */
  load(name: string, table: BlockTable): Promise<void>
  /** Forgets a loaded table; none is no error. */
  clear(name: string): Promise<void>
  /** Drains what is in flight and holds what comes; all of them in one step. Never for longer than a handover. */
  suspend(names: readonly string[]): Promise<void>
  /** Drains what is in flight, puts loaded tables in place and lets I/O flow; all of them in one step. */
  resume(names: readonly string[]): Promise<void>
  /** Takes the device away; a missing one is no error. @throws BUSY when it is open */
  remove(name: string): Promise<void>
  /** Null when there is no such device. */
  inspect(name: string): Promise<BlockDevice | null>
  /** Names of all devices that start with `prefix`. */
  list(prefix: string): Promise<readonly string[]>
  /** Name of the device behind a path or symbolic link, or null where it is not a mapped device. */
  nameOf(devicePath: string): Promise<string | null>
  /** How far the mirror in the device's table is. @throws WRONG_STATE where there is none */
  mirrorState(name: string): Promise<BlockMirrorState>
  /**
   * Of any block device: what it had acknowledged before is on its disk afterwards, and stays there when the host
   * loses its power. @throws where it cannot be written
   */
  flush(devicePath: string): Promise<void>
  /** Where the device named `name` is found. */
  pathOf(name: string): string
}

/**
 * One line of the table: sectors of 512 bytes. `error` fails all I/O: a fence. `zero` reads as zeroes and
 * forgets what is written. `mirror` copies `device` to `copy` and writes to both; a write that one of them
 * fails is neither acknowledged nor failed, but goes to the table that comes next.
 */
export type BlockSegment =
  | {
      readonly target: 'linear'
      readonly startSector: number
      readonly sectors: number
      readonly device: string
      readonly offsetSectors: number
    }
  | {
      readonly target: 'mirror'
      readonly startSector: number
      readonly sectors: number
      readonly device: string
      readonly copy: string
    }
  | { readonly target: 'error'; readonly startSector: number; readonly sectors: number }
  | { readonly target: 'zero'; readonly startSector: number; readonly sectors: number }

export type BlockTable = readonly BlockSegment[]

export interface BlockMirrorState {
  readonly copiedFraction: number
  /** Both devices have taken and given all that was asked of them. */
  readonly isHealthy: boolean
}

export interface BlockDevice {
  readonly name: string
  readonly table: BlockTable
  readonly isSuspended: boolean
  readonly openCount: number
}

/** The whole of one device, from its start. */
export function linearTable(device: string, sizeBytes: number): BlockTable {
  return [{ target: 'linear', startSector: 0, sectors: sizeBytes / 512, device, offsetSectors: 0 }]
}

export function errorTable(sizeBytes: number): BlockTable {
  return [{ target: 'error', startSector: 0, sectors: sizeBytes / 512 }]
}

/** `device` copied to `copy` while it is used. */
export function mirrorTable(device: string, copy: string, sizeBytes: number): BlockTable {
  return [{ target: 'mirror', startSector: 0, sectors: sizeBytes / 512, device, copy }]
}
