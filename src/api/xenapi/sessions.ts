import type { Clock, Random } from '../../ports/clock.ts'
import { XenApiFailure } from './failure.ts'

/** Who asks, as far as the connection says. */
export interface Caller {
  /** Null when the connection does not say, as when it has been closed meanwhile. */
  readonly address: string | null
}

/** True when this user may do everything that the XenAPI offers. */
export type Authenticate = (
  user: string,
  password: string,
  caller: Caller,
) => boolean | Promise<boolean>

export interface Session {
  readonly ref: string
  readonly uuid: string
  readonly user: string
  usedAtMs: number
  /** For `event.next`: what it was registered for, and where it stands. */
  registered: { readonly classes: readonly string[]; readonly generation: number } | null
}

const idleMsMax = 86_400_000
const sessionsMax = 500

/** Whoever is on this host may ask for anything, as may whoever reaches the REST API from it. */
export const authenticateLoopback: Authenticate = (_user, _password, { address }) =>
  address !== null && /^(::ffff:)?127\.|^::1$/.test(address)

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
  async login(user: string, password: string, caller: Caller): Promise<Session> {
    if (!(await this.#authenticate(user, password, caller)))
      throw new XenApiFailure('SESSION_AUTHENTICATION_FAILED', user, 'Authentication failure')
    this.#tidy()
    // The reference is the secret, and the UUID is shown to others: the two have nothing in common.
    const session: Session = {
      ref: `OpaqueRef:${this.#random.uuid()}`,
      uuid: this.#random.uuid(),
      user,
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
    if (!session || nowMs - session.usedAtMs > idleMsMax)
      throw new XenApiFailure('SESSION_INVALID', ref)
    session.usedAtMs = nowMs
    return session
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
