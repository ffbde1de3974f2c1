import type { ErrorCode, ErrorDetails } from '../../model/errors.ts'

export interface FailedMigration {
  readonly vm: string
  readonly source: string
  readonly destination: string
}

export interface FailureContext {
  /** Reference of the task that failed. */
  readonly task?: string
  /** Of a migration: most of its failures have one code, which its clients wait for. */
  readonly migration?: FailedMigration
}

interface Failed {
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}

interface Row {
  readonly code: string
  /** A migration fails with this code too, and not with VM_MIGRATE_FAILED. */
  readonly alsoOfMigration?: true
  readonly parameters: (failed: Failed, context: FailureContext) => readonly string[]
}

/** Each row of our table of errors in the XenAPI's words, with the parameters that its clients know. */
export const xenApiErrors: Readonly<Record<ErrorCode, Row>> = {
  BAD_REQUEST: row('INVALID_VALUE', ({ details, message }) => [
    'request',
    text(details.reason, message),
  ]),
  UNAUTHORIZED: row('SESSION_AUTHENTICATION_FAILED', ({ message }) => ['', message]),
  UNAUTHENTICATED: row('SESSION_AUTHENTICATION_FAILED', ({ message }) => ['', message]),
  FORBIDDEN: row('RBAC_PERMISSION_DENIED', ({ details, message }) => [
    ...[text(details.needed), message],
  ]),
  PEER_UNTRUSTED: row('CANNOT_CONTACT_HOST', ({ message }) => [message]),
  INVITATION_REFUSED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  NOT_FOUND: row('HANDLE_INVALID', ({ details }) => [classOf(details.kind), text(details.id)]),
  ALREADY_EXISTS: row('UNIQUENESS_CONSTRAINT_VIOLATION', ({ details }) => [
    ...[classOf(details.kind), 'uuid', text(details.id)],
  ]),
  WRONG_STATE: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  BUSY: shared('OTHER_OPERATION_IN_PROGRESS', ({ details }) => [
    ...[classOf(details.kind), text(details.id), text(details.user), ''],
  ]),
  CANCELLED: shared('TASK_CANCELLED', (_failed, { task = '' }) => [task]),
  TOO_LATE_TO_CANCEL: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  NOT_SUPPORTED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  PREFLIGHT_FAILED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  REPLICA_UNDECIDED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  REPLICA_DROPPED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  QUEUE_FULL: shared('TOO_MANY_STORAGE_MIGRATES', ({ details }) => [text(details.limit)]),
  SR_FULL: shared('SR_FULL', ({ details }) => [text(details.neededBytes), text(details.freeBytes)]),
  SR_UNUSABLE: row('SR_BACKEND_FAILURE', ({ message }) => ['', '', message]),
  MEMORY_SHORT: shared('HOST_NOT_ENOUGH_FREE_MEMORY', ({ details }) => [
    ...[text(details.neededBytes), text(details.freeBytes)],
  ]),
  NO_FREE_MINOR: internal(),
  NO_FREE_PORT: internal(),
  URI_INVALID: row('INVALID_VALUE', ({ message }) => ['uri', message]),
  URI_REFUSED: row('INVALID_VALUE', ({ message }) => ['uri', message]),
  SIZE_MISMATCH: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  DISK_NOT_MAPPED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  DISKS_DIFFER: row('VDI_COPY_FAILED', () => []),
  COPY_FAILED: row('VDI_COPY_FAILED', () => []),
  REPLICATION_LOST: row('MIRROR_FAILED', ({ details }) => [text(details.id)]),
  PEER_UNREACHABLE: row('CANNOT_CONTACT_HOST', ({ details }) => [text(details.url)]),
  PEER_FAILED: internal(),
  HEARTBEAT_LOST: row('CANNOT_CONTACT_HOST', ({ message }) => [message]),
  MEMORY_STREAM_FAILED: internal(),
  HANDOVER_REFUSED: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  STALE_EPOCH: row('OPERATION_NOT_ALLOWED', ({ message }) => [message]),
  COMMAND_FAILED: internal(),
  DEADLINE_PASSED: internal(),
  INTERNAL: internal(),
}

export function describeFailure(
  failed: Failed,
  context: FailureContext = {},
): readonly [string, ...string[]] {
  const { code, alsoOfMigration, parameters } = xenApiErrors[failed.code]
  const { migration } = context
  if (migration && !alsoOfMigration) {
    const { vm, source, destination } = migration
    return ['VM_MIGRATE_FAILED', vm, source, destination, failed.message]
  }
  return [code, ...parameters(failed, context)]
}

function row(code: string, parameters: Row['parameters']): Row {
  return { code, parameters }
}

function shared(code: string, parameters: Row['parameters']): Row {
  return { code, parameters, alsoOfMigration: true }
}

function internal(): Row {
  return row('INTERNAL_ERROR', ({ message }) => [message])
}

function classOf(kind: string | number | boolean | undefined): string {
  const name = text(kind)
  return ['vm', 'vdi', 'sr'].includes(name) ? name.toUpperCase() : name
}

function text(value: string | number | boolean | undefined, otherwise = ''): string {
  return value === undefined ? otherwise : String(value)
}
