/** Keeps the volumes of one SR. A driver knows its tool (LVM, a folder, ...) and nothing of VMs or mirrors. */
export interface VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  /** Checks the configuration and makes what the store needs. Calling it again is safe. @throws SR_UNUSABLE */
  open(): Promise<void>
  capacity(): Promise<{ readonly sizeBytes: number; readonly freeBytes: number }>
  /** All volumes, the administrator's own included. */
  list(): Promise<readonly Volume[]>
  /** Makes a volume that reads as zeroes. `id` is ours, used again after a crash: then the same volume is answered. @throws SR_FULL */
  create(id: string, name: string, sizeBytes: number): Promise<Volume>
  /** Removes a volume that `create` made; a missing one is no error. @throws WRONG_STATE for a volume of the administrator's */
  destroy(id: string): Promise<void>
  /** Presents the volume as a block device and answers its path. Calling it again answers the same path. */
  attach(id: string): Promise<string>
  /** Takes the block device away; safe to repeat. */
  detach(id: string): Promise<void>
}

/** Makes the store of one SR from what its administrator wrote. @throws SR_UNUSABLE when that makes no sense */
export type VolumeStoreFactory = (sr: {
  readonly id: string
  readonly configuration: Readonly<Record<string, unknown>>
}) => VolumeStore

export interface VolumeStoreCapabilities {
  /** Several hosts reach the same volumes. */
  readonly shared: boolean
  /** A new volume takes no space until it is written. */
  readonly thin: boolean
  /** `create` and `destroy` are possible. */
  readonly canCreate: boolean
  /** The volume's block device is a device-mapper device in use by the administrator's VMs: it can be adopted. */
  readonly adoptable: boolean
}

export interface Volume {
  readonly id: string
  readonly name: string
  readonly sizeBytes: number
  readonly allocatedBytes: number
  /** Made by `create`. */
  readonly managed: boolean
  /** Paths by which a VM's configuration may name this volume (devices, symbolic links, files). */
  readonly paths: readonly string[]
}
