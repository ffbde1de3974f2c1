import { createHash } from 'node:crypto'
import type { Caller, Token, TokenCreate } from '../../model/access.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { RecordStore } from '../../ports/record-store.ts'

type TokenRecord = Token & { readonly hash: string }

const prefix = 'tokens/'
const secretBytes = 32

export interface TokensOptions {
  readonly store: RecordStore
  readonly clock: Clock
  readonly random: Random
  /** Called with the caller's id as soon as a token counts no longer. */
  readonly onRevoked: (callerId: string) => void
}

/**
 * API tokens. What is kept is their SHA-256: 256 random bits cannot be guessed, so nothing slower is needed, and
 * what is kept opens nothing.
 */
export class Tokens {
  readonly #options: TokensOptions

  constructor(options: TokensOptions) {
    this.#options = options
  }

  /** The secret is shown here, and never again. @throws ALREADY_EXISTS */
  async create(wanted: TokenCreate): Promise<{ readonly token: Token; readonly secret: string }> {
    const { store, clock, random } = this.#options
    const { name, role, expiresAtMs = null } = wanted
    if ((await this.#records()).some((token) => token.name === name))
      throw new CrosspoolError('ALREADY_EXISTS', { kind: 'token', id: name })
    const secret = random.hex(secretBytes)
    const token = { id: random.uuid(), name, role, createdAtMs: clock.now(), expiresAtMs }
    const record: TokenRecord = { ...token, hash: hashOf(secret) }
    await store.transact({ puts: [{ key: prefix + record.hash, value: record }] })
    return { token, secret }
  }

  async list(): Promise<Token[]> {
    return (await this.#records()).map(({ hash: _, ...token }) => token)
  }

  /** By id or name. @throws NOT_FOUND */
  async revoke(idOrName: string): Promise<void> {
    const found = (await this.#records()).find(
      ({ id, name }) => id === idOrName || name === idOrName,
    )
    if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'token', id: idOrName })
    await this.#options.store.transact({ deletes: [prefix + found.hash] })
    this.#options.onRevoked(found.id)
  }

  /** Null: there is none, or no longer. The look-up is by hash, so its time says nothing of the secret. */
  async callerOf(secret: string): Promise<Caller | null> {
    const record = await this.#options.store.get<TokenRecord>(prefix + hashOf(secret))
    if (!record) return null
    const { id, name, role, expiresAtMs } = record.value
    if (expiresAtMs !== null && expiresAtMs <= this.#options.clock.now()) return null
    return { kind: 'token', id, name, role, expiresAtMs }
  }

  async #records(): Promise<readonly TokenRecord[]> {
    return (await this.#options.store.list<TokenRecord>(prefix)).map(({ value }) => value)
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
