import { z } from 'zod'
import { type ErrorCode, errorTable } from './errors.ts'

export const errorDocumentSchema = z
  .object({
    code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    advice: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'Error' })

export const operationStateSchema = z.enum([
  'queued',
  'running',
  'undoing',
  'succeeded',
  'failed',
  'cancelled',
])
export type OperationState = z.infer<typeof operationStateSchema>

export const stepStateSchema = z.enum([
  'waiting',
  'running',
  'done',
  'failed',
  'undoing',
  'undone',
  'undo-failed',
])
export type StepState = z.infer<typeof stepStateSchema>

export const stepRecordSchema = z.object({
  name: z.string(),
  state: stepStateSchema,
  startedAtMs: z.int().nullable(),
  endedAtMs: z.int().nullable(),
})
export type StepRecord = z.infer<typeof stepRecordSchema>

/** A long operation as everybody sees it: one step after the other, each with its state. */
export const operationSchema = z
  .object({
    id: z.string(),
    kind: z.string().describe('migrate, receive, ...'),
    subject: z.string().describe('id of the VM or VDI that it holds'),
    state: operationStateSchema,
    progress: z.number().min(0).max(1),
    steps: z.array(stepRecordSchema),
    details: z
      .record(z.string(), z.unknown())
      .describe('what the kind of operation tells of itself'),
    error: errorDocumentSchema.nullable(),
    startedAtMs: z.int(),
    endedAtMs: z.int().nullable(),
  })
  .meta({ id: 'Operation' })
export type Operation = z.infer<typeof operationSchema>

export function isEnded(operation: Operation): boolean {
  return ['succeeded', 'failed', 'cancelled'].includes(operation.state)
}
