/**
 * The one table of errors. Every failure that a user can meet has a row here: a code that never
 * changes its meaning, the HTTP status, a message template and what to do next. The reference page
 * `docs/reference/errors.md` is generated from it.
 */
export const errorTable = {
  BAD_REQUEST: row(400, 'The request is not valid: {reason}', 'Compare it with /openapi.json.'),
  UNAUTHORIZED: row(
    401,
    'The token is missing or wrong',
    'Use the token that came with the answer to VM.receive.',
  ),
  UNAUTHENTICATED: row(
    401,
    'This needs credentials, and there are none that count',
    'Give a token that is neither expired nor revoked: `crosspool token create` on that host makes one.',
  ),
  FORBIDDEN: row(
    403,
    '{caller} may not do this: it needs the role {needed}',
    'Use a token with that role.',
  ),
  PEER_UNTRUSTED: row(
    403,
    '{url} is not trusted here: {reason}',
    'Run `crosspool pool trust` there, and `crosspool pool join` here with the line that it prints.',
  ),
  INVITATION_REFUSED: row(
    403,
    'The line was used already, has expired, or is wrong',
    'Run `crosspool pool trust` again for a new one.',
  ),
  NOT_FOUND: row(
    404,
    'There is no {kind} {id}',
    'List what is there, for example with `crosspool {kind}s`.',
  ),
  ALREADY_EXISTS: row(
    409,
    'There is already a {kind} {id}',
    'Choose another name, or use the one that is there.',
  ),
  WRONG_STATE: row(
    409,
    '{kind} {id} is {state}; {operation} needs it to be {needed}',
    'Bring it to that state first.',
  ),
  BUSY: row(409, '{kind} {id} is in use by {user}', 'Wait until that has ended, or cancel it.'),
  CANCELLED: row(
    409,
    'The operation was cancelled',
    'Nothing: everything it had made was taken back.',
  ),
  TOO_LATE_TO_CANCEL: row(
    409,
    'The VM has been released to {destination}; from here the migration only goes forwards',
    'Wait for it to end, then migrate back.',
  ),
  NOT_SUPPORTED: row(422, '{what} is not supported here: {reason}', 'See docs/limits.md.'),
  PREFLIGHT_FAILED: row(
    409,
    'The VM cannot be migrated: {reasons}',
    'Run the migration with --dry-run and mend each failed check.',
  ),
  REPLICA_UNDECIDED: row(
    409,
    'VM {vm} may have been given to {host}, which keeps a replica of it and does not answer',
    'Bring that host back, or, if it certainly does not run the VM, drop the replica here: crosspool replicas drop.',
  ),
  REPLICA_DROPPED: row(
    409,
    'The replica of VM {vm} was dropped at {host}',
    'If it is still wanted, schedule it again: crosspool replicate {vm} --to {host} --every TIME.',
  ),
  QUEUE_FULL: row(
    503,
    'Host {host} takes {limit} arriving VMs at once from {from}',
    'Nothing: the migration waits and goes on by itself.',
  ),
  SR_FULL: row(
    507,
    'SR {sr} has {freeBytes} bytes free, {neededBytes} are needed',
    'Free space there, or map the disk to another SR.',
  ),
  SR_UNUSABLE: row(422, 'SR {sr} cannot be used: {reason}', 'Mend the configuration of the SR.'),
  MEMORY_SHORT: row(
    507,
    'Host {host} has {freeBytes} bytes of memory free, {neededBytes} are needed',
    'Free memory there, or choose another host.',
  ),
  NO_FREE_MINOR: row(
    507,
    'No DRBD minor is free between {from} and {to}',
    'Widen the range in the configuration, or end other replications.',
  ),
  NO_FREE_PORT: row(
    507,
    'No port is free between {from} and {to}',
    'Widen the range in the configuration, or end other replications.',
  ),
  URI_INVALID: row(
    400,
    'This is not a replication URI: {reason}',
    'Ask the other storage manager for one: VDI.get_replication_target.',
  ),
  URI_REFUSED: row(
    403,
    'The replication target refused the URI: {reason}',
    'A URI is good for one replication. Ask for a new one.',
  ),
  SIZE_MISMATCH: row(
    409,
    'The disk has {sizeBytes} bytes, the replication target {targetSizeBytes}',
    'Make the target exactly as large as the source.',
  ),
  DISK_NOT_MAPPED: row(
    422,
    'The disk {device} is not a device-mapper device, so nothing can be slid beneath it while it runs',
    'Put the disk on an LV, or restart the VM on a disk that the storage manager has activated.',
  ),
  COPY_FAILED: row(
    500,
    'The disk could not be copied: {reason}',
    'The VM goes on with the disk where it was. Mend the reason and try again.',
  ),
  DISKS_DIFFER: row(
    500,
    'Both sides of disk {disk} were compared by {algorithm}: {differentBytes} bytes differ',
    'The VM goes on at the source, with its disks. Look at both disks and at their hosts before you try again.',
  ),
  REPLICATION_LOST: row(
    502,
    'The replication {id} is {state}',
    'Look at the link between the hosts; then start the migration again.',
  ),
  PEER_UNREACHABLE: row(
    502,
    '{url} does not answer: {reason}',
    'Check the address, the link and that the daemon runs there.',
  ),
  PEER_FAILED: row(
    502,
    'The other side failed: {code}: {message}',
    'See its log; the operation id is the same on both hosts.',
  ),
  HEARTBEAT_LOST: row(
    504,
    'No heartbeat from the other side for {elapsedMs} ms',
    'Look at the link between the hosts; then start the migration again.',
  ),
  MEMORY_STREAM_FAILED: row(
    502,
    'The memory stream broke: {reason}',
    'Look at the link and at the log of the hypervisor on both hosts.',
  ),
  HANDOVER_REFUSED: row(
    409,
    'The destination refused to take over the VM: {reason}',
    'The VM goes on at the source. Mend the reason and try again.',
  ),
  STALE_EPOCH: row(
    409,
    'Epoch {epoch} of VM {vm} is not newer than {known}',
    'Another migration has happened since; look where the VM runs.',
  ),
  COMMAND_FAILED: row(500, '{command} failed ({how}): {output}', 'See the output of the command.'),
  DEADLINE_PASSED: row(
    504,
    '{what} was not done within {timeoutMs} ms',
    'Look at the log for what it was waiting for.',
  ),
  INTERNAL: row(
    500,
    'Something failed that should not; it is in the log as {reference}',
    'Report it with the log around that reference.',
  ),
} as const

export type ErrorCode = keyof typeof errorTable
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

interface ErrorRow {
  readonly status: number
  readonly message: string
  readonly advice: string
}

function row(status: number, message: string, advice: string): ErrorRow {
  return { status, message, advice }
}

/** What travels over the wire and is shown to a person. */
export interface ErrorDocument {
  readonly code: ErrorCode
  readonly message: string
  readonly advice: string
  readonly details: ErrorDetails
}

/** The only error class that crosses a boundary of ours. The cause is logged, never shown. */
export class CrosspoolError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(errorTable[code].message, details), cause === undefined ? {} : { cause })
    this.name = 'CrosspoolError'
    this.code = code
    this.details = details
  }

  get status(): number {
    return errorTable[this.code].status
  }

  toDocument(): ErrorDocument {
    const advice = fill(errorTable[this.code].advice, this.details)
    return { code: this.code, message: this.message, advice, details: this.details }
  }

  static fromDocument(document: ErrorDocument): CrosspoolError {
    return new CrosspoolError(document.code, document.details)
  }
}

/** True for an error of the table, with this code if one is given. */
export function isCrosspoolError(error: unknown, code?: ErrorCode): error is CrosspoolError {
  return error instanceof CrosspoolError && (code === undefined || error.code === code)
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole))
}
