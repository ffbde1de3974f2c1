import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises'
import { type AuditEntry, auditEntrySchema } from '../../model/access.ts'
import type { AuditLog } from '../../ports/audit-log.ts'
import type { Log } from '../../ports/log.ts'

export interface AuditLogOptions {
  readonly directory: string
  readonly log: Log
  /** A file that has become as large as this is put aside; 10 MB unless told. */
  readonly fileBytesMax?: number
}

/** Files that were put aside; more are removed, the oldest first. */
const oldFiles = 9
const defaultFileBytesMax = 10_000_000

/** JSON lines in `audit.jsonl`, older ones in `audit.1.jsonl` and so on. */
export function createFileAuditLog(options: AuditLogOptions): AuditLog {
  const { directory, log, fileBytesMax = defaultFileBytesMax } = options
  const file = (age: number) => `${directory}/audit${age === 0 ? '' : `.${age}`}.jsonl`
  let queue = Promise.resolve()

  async function write(entry: AuditEntry): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const { size } = await stat(file(0)).catch(() => ({ size: 0 }))
    if (size >= fileBytesMax)
      for (let age = oldFiles - 1; age >= 0; age -= 1)
        await rename(file(age), file(age + 1)).catch(() => {})
    await appendFile(file(0), `${JSON.stringify(entry)}\n`, { mode: 0o600 })
  }

  return {
    append(entry) {
      queue = queue
        .then(() => write(entry))
        .catch((error: unknown) => log.error({ error, entry }, 'the audit log cannot be written'))
      return queue
    },
    async last(limit) {
      await queue
      const entries: AuditEntry[] = []
      for (let age = 0; age <= oldFiles && entries.length < limit; age += 1) {
        const text = await readFile(file(age), 'utf8').catch(() => '')
        entries.unshift(...text.split('\n').flatMap(readEntry))
      }
      return entries.slice(-limit)
    },
  }
}

/** A crash may have left half a line. */
function readEntry(line: string): AuditEntry[] {
  try {
    return [auditEntrySchema.parse(JSON.parse(line))]
  } catch {
    return []
  }
}
