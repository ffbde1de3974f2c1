import type { AccessOptions } from '../api/server/access.ts'
import { createFileAuditLog } from '../drivers/audit-log-file/index.ts'
import { ensureIdentity } from '../drivers/identity-openssl/index.ts'
import { systemClock } from '../drivers/system/clock.ts'
import { systemCommandRunner } from '../drivers/system/command-runner.ts'
import { systemRandom } from '../drivers/system/random.ts'
import { Tokens } from '../engine/access/tokens.ts'
import type { Identity } from '../lib/identity.ts'
import type { AuditEntry, Caller } from '../model/access.ts'
import type { AuditLog } from '../ports/audit-log.ts'
import type { Log } from '../ports/log.ts'
import type { RecordStore } from '../ports/record-store.ts'

/** What both daemons need to know who asks, and to keep who did. */
export interface OpenAccess {
  readonly identity: Identity
  readonly tokens: Tokens
  readonly auditLog: AuditLog
  note(entry: Omit<AuditEntry, 'atMs'>): void
  serverOptions(callerOfFingerprint: AccessOptions['callerOfFingerprint']): AccessOptions
}

export async function openAccess(
  directory: string,
  parts: { readonly store: RecordStore; readonly log: Log },
  onRevoked: (callerId: string) => void,
): Promise<OpenAccess> {
  const { store, log } = parts
  const identity = await ensureIdentity(systemCommandRunner, `${directory}/identity`)
  const auditLog = createFileAuditLog({ directory: `${directory}/audit`, log })
  const tokens = new Tokens({ store, clock: systemClock, random: systemRandom, onRevoked })
  const note = (entry: Omit<AuditEntry, 'atMs'>) =>
    void auditLog.append({ atMs: systemClock.now(), ...entry })
  return {
    ...{ identity, tokens, auditLog, note },
    serverOptions: (callerOfFingerprint) => ({
      callerOfToken: (secret): Promise<Caller | null> => tokens.callerOf(secret),
      callerOfFingerprint,
      note,
    }),
  }
}
