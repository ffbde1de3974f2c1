import type { Caller } from '../../model/access.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import { XenApiFailure } from './failure.ts'

/** Whose password this is: a token of the API. Null: nobody's, or no longer. */
export type Authenticate = (password: string) => Promise<Caller | null>

export interface Session {
  readonly ref: string
  readonly uuid: string
  readonly user: string
  readonly caller: Caller
  usedAtMs: number
  /** For `event.next`: what it was registered for, and where it stands. */
  registered: { readonly classes: readonly string[]; readonly generation: number } | null
}

const idleMsMax = 86_400_000
const sessionsMax = 500

/** Sessions end with the daemon; clients log in again when they hear SESSION_INVALID. */
export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #clock: Clock
  readonly #random: Random
  readonly #authenticate: Authenticate

  constructor(parts: {
    readonly clock: Clock
    readonly random: Random
    readonly authenticate: Authenticate
  }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#authenticate = parts.authenticate
  }

  /** @throws SESSION_AUTHENTICATION_FAILED */
  async login(user: string, password: string): Promise<Session> {
    const caller = await this.#authenticate(password)
    if (!caller)
      throw new XenApiFailure('SESSION_AUTHENTICATION_FAILED', user, 'Authentication failure')
    this.#tidy()
    // The reference is the secret, and the UUID is shown to others: the two have nothing in common.
    const session: Session = {
      ref: `OpaqueRef:${this.#random.uuid()}`,
      uuid: this.#random.uuid(),
      ...{ user, caller },
      usedAtMs: this.#clock.now(),
      registered: null,
    }
    this.#sessions.set(session.ref, session)
    return session
  }

  /** @throws SESSION_INVALID */
  use(ref: string): Session {
    const session = this.#sessions.get(ref)
    const nowMs = this.#clock.now()
    const { expiresAtMs = null } = session?.caller ?? {}
    const isExpired = expiresAtMs !== null && expiresAtMs <= nowMs
    if (!session || isExpired || nowMs - session.usedAtMs > idleMsMax)
      throw new XenApiFailure('SESSION_INVALID', ref)
    session.usedAtMs = nowMs
    return session
  }

  /** Ends those of a token that counts no longer. */
  endOf(callerId: string): void {
    for (const { ref, caller } of this.#sessions.values())
      if (caller.id === callerId) this.#sessions.delete(ref)
  }

  end(ref: string): void {
    this.#sessions.delete(ref)
  }

  /** The one that has been idle for longest makes room. */
  #tidy(): void {
    const nowMs = this.#clock.now()
    for (const { ref, usedAtMs } of this.#sessions.values())
      if (nowMs - usedAtMs > idleMsMax) this.#sessions.delete(ref)
    if (this.#sessions.size < sessionsMax) return
    const [idlest] = [...this.#sessions.values()].toSorted((a, b) => a.usedAtMs - b.usedAtMs)
    if (idlest) this.#sessions.delete(idlest.ref)
  }
}
