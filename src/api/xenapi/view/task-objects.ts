import { z } from 'zod'
import { isEnded, type Operation, type OperationState } from '../../../model/operation.ts'
import { taskClass } from '../classes/vm-classes.ts'
import { describeFailure } from '../error-table.ts'
import { nullRef } from '../types.ts'
import { writeXmlRpcValue } from '../wire/xml-rpc.ts'
import { identities, type Place } from './identities.ts'
import { makeObject, type XenObject } from './objects.ts'

export type TaskStatus = 'pending' | 'success' | 'failure' | 'cancelling' | 'cancelled'

/** A task that is no operation: a call that a client did not wait for, or one of the client's own. */
export interface ClientTask {
  readonly id: string
  readonly label: string
  readonly description: string
  readonly createdAtMs: number
  readonly finishedAtMs: number | null
  readonly status: TaskStatus
  readonly progress: number
  readonly result: string
  readonly failure: readonly string[]
  readonly notes: Readonly<Record<string, string>>
}

const detailsSchema = z.object({
  vm: z.string().optional(),
  released: z.boolean().optional(),
  from: z.object({ pool: z.string(), host: z.string() }).optional(),
  to: z.object({ pool: z.string(), host: z.string() }).optional(),
})

/** What the face reads of an operation's details; a migration has them all. */
export function readDetails({ details }: Operation): z.infer<typeof detailsSchema> {
  return detailsSchema.safeParse(details).data ?? {}
}

/** The result as a task shows it: a fragment of XML-RPC. */
export function resultOf(text: string): string {
  return writeXmlRpcValue({ kind: 'string', value: text })
}

const statuses: Readonly<Record<OperationState, TaskStatus>> = {
  queued: 'pending',
  running: 'pending',
  undoing: 'pending',
  succeeded: 'success',
  failed: 'failure',
  cancelled: 'cancelled',
}

/** The call that began an operation, and what it answers. Not known of those that began by other ways. */
export interface Origin {
  readonly call: string
  readonly answer: string
}

/** The call that an operation is in the XenAPI. */
const callNames: Readonly<Record<string, string>> = {
  migrate: 'VM.migrate',
  'move-disk': 'VDI.pool_migrate',
}

export function operationTask(place: Place, operation: Operation, origin?: Origin): XenObject {
  const ended = isEnded(operation)
  const { released } = readDetails(operation)
  const answer = origin?.answer ?? identities.vm(operation.subject).ref
  const isCancelling = operation.state === 'undoing' && operation.error?.code === 'CANCELLED'
  const failure = operation.error && operation.state !== 'succeeded' ? operation.error : null
  return makeObject(taskClass, identities.task(operation.id), {
    name_label: origin?.call ?? callNames[operation.kind] ?? operation.kind,
    created: operation.startedAtMs,
    finished: operation.endedAtMs ?? 0,
    status: isCancelling ? 'cancelling' : statuses[operation.state],
    progress: ended ? 1 : Math.min(operation.progress, 0.99),
    result: operation.state === 'succeeded' ? resultOf(answer) : '',
    error_info: ended && failure ? [...failureOfOperation(operation)] : [],
    resident_on: identities.host(place).ref,
    allowed_operations: ended || isCancelling || released ? [] : ['cancel'],
  })
}

/** What a failed or cancelled operation is to a client. */
export function failureOfOperation(operation: Operation): readonly [string, ...string[]] {
  const failed = operation.error ?? { code: 'INTERNAL', details: {}, message: '' }
  const task = identities.task(operation.id).ref
  if (operation.kind !== 'migrate') return describeFailure(failed, { task })
  const { from, to } = readDetails(operation)
  return describeFailure(failed, {
    task,
    migration: {
      vm: identities.vm(operation.subject).ref,
      source: from ? identities.host({ pool: from.pool, name: from.host }).ref : nullRef,
      destination: to?.pool
        ? identities.host({ pool: to.pool, name: to.host }).ref
        : (to?.host ?? ''),
    },
  })
}

export function clientTask(place: Place, task: ClientTask): XenObject {
  const ended = task.finishedAtMs !== null
  return makeObject(taskClass, identities.task(task.id), {
    name_label: task.label,
    name_description: task.description,
    created: task.createdAtMs,
    finished: task.finishedAtMs ?? 0,
    status: task.status,
    progress: ended ? 1 : task.progress,
    result: task.result,
    error_info: task.failure,
    other_config: task.notes,
    resident_on: identities.host(place).ref,
    allowed_operations: ended ? [] : ['destroy'],
  })
}
