import { z } from 'zod'
import { parseOutput } from '../../ports/parse-output.ts'

export interface LoopDevice {
  readonly path: string
  readonly file: string
  readonly offsetBytes: number
  /** 0: up to the end of the file, however long it gets. */
  readonly sizeLimitBytes: number
  readonly isDirect: boolean
  /** It goes away when its last user closes it. */
  readonly isLeaving: boolean
}

const schema = z.object({
  loopdevices: z.array(
    z.object({
      name: z.string(),
      'back-file': z.string().nullable(),
      offset: z.coerce.number(),
      sizelimit: z.coerce.number(),
      dio: z.boolean(),
      autoclear: z.boolean(),
    }),
  ),
})

/** Output of `losetup --json --list`, which is empty when there is no loop device. */
export function parseLosetup(text: string): readonly LoopDevice[] {
  if (text.trim() === '') return []
  return parseOutput(schema, text, 'losetup').loopdevices.map((device) => ({
    path: device.name,
    file: device['back-file'] ?? '',
    offsetBytes: device.offset,
    sizeLimitBytes: device.sizelimit,
    isDirect: device.dio,
    isLeaving: device.autoclear,
  }))
}
