import { createHash, type X509Certificate } from 'node:crypto'

/** What a daemon proves to others that it is itself with. */
export interface Identity {
  /** PEM */
  readonly certificate: string
  /** PEM, a secret. */
  readonly key: string
  readonly fingerprint: string
}

/** SHA-256 of the public key, written as curl's --pinnedpubkey takes it. */
export function fingerprintOf({ publicKey }: X509Certificate): string {
  const bytes = publicKey.export({ type: 'spki', format: 'der' })
  return `sha256//${createHash('sha256').update(bytes).digest('base64')}`
}
