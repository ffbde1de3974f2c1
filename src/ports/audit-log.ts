import type { AuditEntry } from '../model/access.ts'

/** Every change that was asked for. Entries are only ever added; the oldest go when there are too many. */
export interface AuditLog {
  /** In the order of the calls. Never rejects: what cannot be written is told in the daemon's log. */
  append(entry: AuditEntry): Promise<void>
  /** The last `limit`, the newest last. */
  last(limit: number): Promise<readonly AuditEntry[]>
}
