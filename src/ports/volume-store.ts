import type { VolumeFormat } from '../model/vdi.ts'

/** Keeps the volumes of one SR. A driver knows its tool (LVM, a folder, ...) and nothing of VMs or mirrors. */
export interface VolumeStore {
  readonly capabilities: VolumeStoreCapabilities
  /** Left out where a volume cannot be kept away. */
  readonly bootFence?: BootFence
  /** Checks the configuration and makes what the store needs. Calling it again is safe. @throws SR_UNUSABLE */
  open(): Promise<void>
  capacity(): Promise<{ readonly sizeBytes: number; readonly freeBytes: number }>
  /** All volumes, the administrator's own included. */
  list(): Promise<readonly Volume[]>
  /**
   * Makes a volume that reads as zeroes; with `willBeOverwritten`, one that may hold anything. `id` is
   * ours, used again after a crash: then the same volume is answered. @throws SR_FULL
   */
  create(
    id: string,
    name: string,
    sizeBytes: number,
    options?: { readonly willBeOverwritten?: boolean },
  ): Promise<Volume>
  /** Removes a volume that `create` made; a missing one is no error. @throws WRONG_STATE for a volume of the administrator's */
  destroy(id: string): Promise<void>
  /** Makes the volume usable on this host. Calling it again answers the same. */
  attach(id: string, presentation: Presentation): Promise<AttachedVolume>
  /** Takes away what `attach` made; safe to repeat. */
  detach(id: string): Promise<void>
}

/**
 * Keeps a volume from whatever a host starts by itself at its boot, by the administrator's own name of it. Durable, and
 * not in need of any daemon.
 */
export interface BootFence {
  /** At the next boot the volume will not be there; who uses it now is not disturbed. Safe to repeat. */
  raise(id: string): Promise<void>
  /** The volume is there, now and at each boot, unless its administrator wants it otherwise. Safe to repeat. */
  lower(id: string): Promise<void>
}

/**
 * `device`: as a block device, raw, whatever the volume's format. `image`: as it lies in the store,
 * for a reader that knows its format; nothing of the kernel's is needed for it.
 */
export type Presentation = 'device' | 'image'

export interface AttachedVolume {
  readonly path: string
  /** Of what is found at `path`: 'raw' for every block device. */
  readonly format: VolumeFormat
  /** Whole blocks that are discarded are known to read as zeroes afterwards. Left out: nobody knows. */
  readonly discardsReadAsZeroes?: boolean
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
  readonly format: VolumeFormat
  /** Made by `create`. */
  readonly managed: boolean
  /** Paths by which a VM's configuration may name this volume (devices, symbolic links, files). */
  readonly paths: readonly string[]
}
