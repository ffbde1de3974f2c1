import { z } from 'zod'
import { errorDocumentSchema } from './operation.ts'

/** A VDI that moves to another SR of its host while a VM may use it. */
export const relocationSchema = z
  .object({
    vdi: z.string(),
    sr: z.string().describe('id of the SR that it moves to'),
    state: z.enum(['copying', 'moved', 'failed']),
    sizeBytes: z.int().positive(),
    leftBytes: z.int().nonnegative().describe('still to be copied'),
    error: errorDocumentSchema.nullable(),
  })
  .meta({ id: 'Relocation' })
export type Relocation = z.infer<typeof relocationSchema>

export function isOver({ state }: Relocation): boolean {
  return state !== 'copying'
}
