import { z } from 'zod'
import { volumeFormatSchema } from '../../model/vdi.ts'
import type { Disk } from '../../ports/datapath.ts'

/**
 * What a disk's storage daemon does, and must do again when it has died:
 *
 *   serving    the VM's device leads to the volume
 *   held       released to a mirror's target: the volume is open, the VM's I/O waits
 *   withdrawn  released to a host that reaches the same volume: it is closed, the VM's I/O waits
 *   mirrored   a mirror's target, or a kept replica: the volume is the mirror's, the VM's device is a fence
 *   awaiting   somebody else has the volume open: the VM's device is a fence until `take`
 *   fenced     the VM has gone: its device is a fence
 */
export const diskModes = ['serving', 'held', 'withdrawn', 'mirrored', 'awaiting', 'fenced'] as const
export type DiskMode = (typeof diskModes)[number]

export const diskRecordSchema = z.object({
  disk: z.object({
    vdi: z.string(),
    sizeBytes: z.int().positive(),
    volumePath: z.string(),
    format: volumeFormatSchema,
    adopted: z.null(),
  }),
  mode: z.enum(diskModes),
  /** A VM may use it: there is a device for it. */
  isActivated: z.boolean(),
})
export type DiskRecord = Readonly<z.infer<typeof diskRecordSchema>>

export function newDiskRecord(disk: Disk, mode: DiskMode, isActivated: boolean): DiskRecord {
  return { disk: { ...disk, adopted: null }, mode, isActivated }
}

/** What stands in a storage daemon in this mode. */
export interface Shape {
  readonly vmLeadsTo: 'volume' | 'fence'
  readonly isVolumeOpen: boolean
  readonly isMirrorExported: boolean
  readonly isVmExported: boolean
}

export function shapeOf({ mode, isActivated }: DiskRecord): Shape {
  const waits = mode === 'held' || mode === 'withdrawn'
  return {
    vmLeadsTo: mode === 'serving' || mode === 'held' ? 'volume' : 'fence',
    isVolumeOpen: mode === 'serving' || mode === 'held' || mode === 'mirrored',
    isMirrorExported: mode === 'mirrored',
    isVmExported: isActivated && !waits,
  }
}
