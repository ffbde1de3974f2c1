import { z } from 'zod'
import { parseOutput } from '../../ports/parse-output.ts'
import type { Volume } from '../../ports/volume-store.ts'
import { fenceTag, parseTags } from './tags.ts'

/** A volume of the group as LVM reports it. */
export interface LogicalVolume extends Volume {
  readonly isActive: boolean
  readonly isUnfinished: boolean
  /** Not activated at boot: by its administrator's wish, or by ours. */
  readonly isSkipped: boolean
  readonly isFenced: boolean
  /** Thin pool that it is in. */
  readonly pool: string | null
  /** /dev/GROUP/NAME, which all LVM programs understand. */
  readonly path: string
}

export interface ThinPool {
  readonly name: string
  readonly sizeBytes: number
  readonly freeBytes: number
  /** Blocks are zeroed before they are used. */
  readonly zeroes: boolean
}

const rowSchema = z.object({
  lv_uuid: z.string(),
  lv_name: z.string(),
  lv_size: z.coerce.number(),
  lv_tags: z.string(),
  lv_active: z.string(),
  lv_layout: z.string(),
  lv_role: z.string(),
  lv_path: z.string(),
  lv_dm_path: z.string(),
  lv_kernel_minor: z.coerce.number(),
  data_percent: z.string(),
  pool_lv: z.string(),
  zero: z.string(),
  lv_skip_activation: z.string(),
})
type Row = z.infer<typeof rowSchema>

const volumesSchema = z.object({ report: z.array(z.object({ lv: z.array(rowSchema) })) })
const groupSchema = z.object({
  report: z.array(
    z.object({
      vg: z.array(
        z.object({
          vg_size: z.coerce.number(),
          vg_free: z.coerce.number(),
          vg_extent_size: z.coerce.number(),
        }),
      ),
    }),
  ),
})

export function parseVolumes(text: string): {
  readonly volumes: readonly LogicalVolume[]
  readonly pools: readonly ThinPool[]
} {
  const rows = parseOutput(volumesSchema, text, 'lvs').report.flatMap(({ lv }) => lv)
  const isPool = (row: Row) => row.lv_layout.split(',').includes('pool')
  // A thick snapshot's size is that of its changes, not that of the disk it shows.
  const hiddenRoles = ['private', 'thicksnapshot']
  const isOffered = (row: Row) =>
    !isPool(row) && !row.lv_role.split(',').some((role) => hiddenRoles.includes(role))
  return { volumes: rows.filter(isOffered).map(toVolume), pools: rows.filter(isPool).map(toPool) }
}

export function parseGroup(text: string): {
  readonly sizeBytes: number
  readonly freeBytes: number
  readonly extentBytes: number
} | null {
  const [group] = parseOutput(groupSchema, text, 'vgs').report.flatMap(({ vg }) => vg)
  if (!group) return null
  return {
    sizeBytes: group.vg_size,
    freeBytes: group.vg_free,
    extentBytes: group.vg_extent_size,
  }
}

/** Patterns of a line such as `filter=["a|.*|"]`. */
export function parseFilter(text: string): readonly string[] {
  const list = /^[ \t]*filter=(.*)$/m.exec(text)?.[1]
  return [...(list ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, pattern]) => pattern ?? '')
}

function toVolume(row: Row): LogicalVolume {
  const allTags = row.lv_tags.split(',')
  const tags = parseTags(allTags)
  const isThin = row.pool_lv !== ''
  return {
    id: tags?.id ?? row.lv_uuid,
    name: tags?.name ?? row.lv_name,
    sizeBytes: tags?.sizeBytes ?? row.lv_size,
    allocatedBytes: isThin ? percentOf(row.lv_size, row.data_percent) : row.lv_size,
    format: 'raw',
    managed: tags !== null,
    isActive: row.lv_active.startsWith('active'),
    isUnfinished: tags?.isUnfinished ?? false,
    isSkipped: row.lv_skip_activation !== '',
    isFenced: allTags.includes(fenceTag),
    pool: isThin ? row.pool_lv : null,
    path: row.lv_path,
    paths: [
      row.lv_path,
      row.lv_dm_path,
      ...(row.lv_kernel_minor >= 0 ? [`/dev/dm-${row.lv_kernel_minor}`] : []),
    ],
  }
}

function toPool(row: Row): ThinPool {
  return {
    name: row.lv_name,
    sizeBytes: row.lv_size,
    freeBytes: row.lv_size - percentOf(row.lv_size, row.data_percent),
    zeroes: row.zero === 'zero',
  }
}

function percentOf(sizeBytes: number, percent: string): number {
  return Math.min(sizeBytes, Math.ceil((sizeBytes * Number(percent || 0)) / 100))
}
