import { z } from 'zod'
import { CrosspoolError } from './errors.ts'

/**
 * Life cycle of a VDI on one host:
 *
 *            attach              activate
 *   detached ------> attached -------------> activated
 *            <------          <-------------
 *            detach             deactivate
 *
 * `adopt` takes a detached VDI that a VM of the administrator's already uses straight to
 * `adopted`: its device is the volume's own, which we neither made nor remove; `disown` leaves it.
 */
export const vdiStateSchema = z.enum(['detached', 'attached', 'activated', 'adopted'])
export type VdiState = z.infer<typeof vdiStateSchema>

/** How a disk's bytes lie in its volume. */
export const volumeFormatSchema = z.enum(['raw', 'qcow2', 'vhd'])
export type VolumeFormat = z.infer<typeof volumeFormatSchema>

export const vdiSchema = z
  .object({
    id: z.string(),
    sr: z.string().describe('id of the SR'),
    name: z.string(),
    sizeBytes: z.int().positive(),
    allocatedBytes: z.int().nonnegative().describe('what it takes up on the SR'),
    format: volumeFormatSchema,
    managed: z
      .boolean()
      .describe(
        "made by Crosspool. The administrator's own volumes are listed too, and never destroyed",
      ),
    state: vdiStateSchema,
    device: z
      .string()
      .nullable()
      .describe('what the VM is given while activated or adopted: a block device or an NBD URI'),
    replication: z.string().nullable().describe('id of the replication that it takes part in'),
  })
  .meta({ id: 'Vdi' })
export type Vdi = z.infer<typeof vdiSchema>

export const vdiCreateSchema = z.object({
  sr: z.string(),
  name: z.string().min(1).max(120),
  sizeBytes: z.int().positive().describe('rounded up to whole sectors of 512 bytes'),
  willBeOverwritten: z
    .boolean()
    .optional()
    .describe('a mirror will fill all of it, so that it may hold anything until then'),
})
export type VdiCreate = z.infer<typeof vdiCreateSchema>

export const vdiOperations = [
  'attach',
  'activate',
  'deactivate',
  'detach',
  'adopt',
  'disown',
] as const
export type VdiOperation = (typeof vdiOperations)[number]

interface Transition {
  readonly from: VdiState
  readonly to: VdiState
  /** States beyond `to`, where there is nothing left to do: a repeated sequence passes through them. */
  readonly beyond?: VdiState
}

const transitions: Readonly<Record<VdiOperation, Transition>> = {
  attach: { from: 'detached', to: 'attached', beyond: 'activated' },
  activate: { from: 'attached', to: 'activated' },
  deactivate: { from: 'activated', to: 'attached', beyond: 'detached' },
  detach: { from: 'attached', to: 'detached' },
  adopt: { from: 'detached', to: 'adopted' },
  disown: { from: 'adopted', to: 'detached' },
}

/**
 * The state after `operation`; the same state where it has been done already, so that every
 * operation, and every sequence of them, may be repeated. @throws WRONG_STATE
 */
export function nextVdiState(id: string, state: VdiState, operation: VdiOperation): VdiState {
  const { from, to, beyond } = transitions[operation]
  if (state === to || state === beyond) return state
  if (state === from) return to
  throw new CrosspoolError('WRONG_STATE', { kind: 'vdi', id, state, operation, needed: from })
}
