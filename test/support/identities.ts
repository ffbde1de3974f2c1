import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureIdentity } from '../../src/drivers/identity-openssl/index.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import type { Identity } from '../../src/lib/identity.ts'

/** A new one, as a daemon makes its own. */
export async function newIdentity(): Promise<Identity> {
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-identity-'))
  try {
    return await ensureIdentity(systemCommandRunner, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
