/**
 * Small block devices for what a mirror has to remember beside the disk (DRBD's external metadata).
 * Every method may be repeated.
 */
export interface MetadataVolumes {
  /**
   * Answers the block device of `name`, made with at least this size and reading as zeroes if it
   * was not there. What is in it survives a restart of the host.
   */
  create(name: string, sizeBytes: number): Promise<string>
  /** Removes it with its device; a missing one is no error. @throws BUSY while it is open */
  remove(name: string): Promise<void>
  list(): Promise<readonly MetadataVolume[]>
}

export interface MetadataVolume {
  readonly name: string
  /** Null while it has no block device, for example after a restart of the host. */
  readonly device: string | null
}
