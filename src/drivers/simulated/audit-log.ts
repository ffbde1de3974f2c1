import type { AuditEntry } from '../../model/access.ts'
import type { AuditLog } from '../../ports/audit-log.ts'

export function createMemoryAuditLog(): AuditLog {
  const entries: AuditEntry[] = []
  return {
    async append(entry) {
      entries.push(entry)
    },
    last: async (limit) => entries.slice(-limit),
  }
}
