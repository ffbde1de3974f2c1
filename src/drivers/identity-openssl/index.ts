import { X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { fingerprintOf, type Identity } from '../../lib/identity.ts'
import { writeDurably } from '../../lib/write-durably.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'

/** Nobody of ours looks at it: what is pinned is the key. */
const days = '36500'
/** Whoever can pin only a whole certificate, as Prometheus, wants a name in it, and takes the same one for every host. */
const name = 'subjectAltName=DNS:crosspool'

/**
 * The identity that is kept in `directory`, made at the first start. Key and certificate are one file, so that a
 * crash leaves both or none.
 */
export async function ensureIdentity(
  commandRunner: CommandRunner,
  directory: string,
): Promise<Identity> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = `${directory}/identity.pem`
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  const pem = known ?? (await makeIdentity(commandRunner))
  if (known === null) await writeDurably(file, pem)
  return readIdentity(pem)
}

/** The key goes from openssl to us through a pipe. */
async function makeIdentity(commandRunner: CommandRunner): Promise<string> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '-']
  const about = ['-subj', '/CN=crosspool', '-days', days]
  const extensions = ['basicConstraints=CA:FALSE', name].flatMap((text) => ['-addext', text])
  const { stdout } = await commandRunner.run('openssl', [
    ...['req', '-x509', ...key, ...about, ...extensions],
  ])
  return stdout
}

function readIdentity(pem: string): Identity {
  const [key] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(pem) ?? []
  const [certificate] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem) ?? []
  if (!key || !certificate) throw new Error('the identity has no key or no certificate')
  return { key, certificate, fingerprint: fingerprintOf(new X509Certificate(certificate)) }
}
