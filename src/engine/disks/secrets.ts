import { createHash, timingSafeEqual } from 'node:crypto'
import { CrosspoolError } from '../../model/errors.ts'

/** Of a replication's. */
export const secretBytes = 24

/** Compares in a time that tells nothing about where the two differ. */
export function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** The error without the secret, which a command that failed may have had among its arguments. */
export function hideSecret(error: unknown, secret: string): unknown {
  if (!(error instanceof CrosspoolError)) return error
  if (!Object.values(error.details).some((value) => String(value).includes(secret))) return error
  const details = Object.entries(error.details).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.replaceAll(secret, '[secret]') : value,
  ])
  return new CrosspoolError(error.code, Object.fromEntries(details), error)
}
