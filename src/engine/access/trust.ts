import { createHash } from 'node:crypto'
import type { Caller, Introduction, Invitation, Peer } from '../../model/access.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { TrustPeers } from '../../ports/peers.ts'
import type { RecordStore } from '../../ports/record-store.ts'

const peerPrefix = 'peers/'
const codePrefix = 'invitations/'
const codeBytes = 16
const validMs = 600_000

export interface TrustOptions extends Introduction {
  readonly fingerprint: string
  readonly store: RecordStore
  readonly clock: Clock
  readonly random: Random
  readonly peers: TrustPeers
  /** Called with a peer's fingerprint as soon as it is trusted no longer. */
  readonly onRevoked: (fingerprint: string) => void
}

/** Hosts that this one trusts, by the fingerprints of their keys. There is no authority above them. */
export class Trust {
  readonly #options: TrustOptions

  constructor(options: TrustOptions) {
    this.#options = options
  }

  /** One line with which another host may begin to trust this one, and be trusted: once, and soon. */
  async invite(): Promise<Invitation> {
    const { url, fingerprint, store, clock, random } = this.#options
    const code = random.hex(codeBytes)
    const expiresAtMs = clock.now() + validMs
    const stale = (await store.list<number>(codePrefix)).filter(({ value }) => value <= clock.now())
    await store.transact({
      deletes: stale.map(({ key }) => key),
      puts: [{ key: codeKey(code), value: expiresAtMs }],
    })
    return { line: `${url}#${fingerprint}#${code}`, expiresAtMs }
  }

  /** Follows an invitation: both hosts trust each other then. @throws BAD_REQUEST, INVITATION_REFUSED, PEER_UNREACHABLE */
  async join(line: string): Promise<Peer> {
    const [, url, fingerprint, code] =
      /^(https:\/\/[^\s#]+)#(sha256\/\/[A-Za-z0-9+/]{43}=)#([0-9a-f]{32})$/.exec(line.trim()) ?? []
    if (!url || !fingerprint || !code || !URL.canParse(url))
      throw new CrosspoolError('BAD_REQUEST', {
        reason: 'this is no line of `crosspool pool trust`',
      })
    const { name, pool, url: own, peers } = this.#options
    const other = await peers.introduce(url, fingerprint, { code, name, pool, url: own })
    return this.#pin({ ...other, url, fingerprint })
  }

  /** The other side of `join`. @throws INVITATION_REFUSED, PEER_UNTRUSTED */
  async admit(caller: string | null, code: string, peer: Introduction): Promise<Introduction> {
    const { name, pool, url, store, clock } = this.#options
    const key = codeKey(code)
    const found = await store.get<number>(key)
    if (!found || found.value <= clock.now() || caller === null)
      throw new CrosspoolError('INVITATION_REFUSED')
    await this.#refuseSecondKey(peer.url, caller)
    const conditions = [{ key, revision: found.revision }]
    if (!(await store.transact({ conditions, deletes: [key] })))
      throw new CrosspoolError('INVITATION_REFUSED')
    await this.#pin({ ...peer, fingerprint: caller })
    return { name, pool, url }
  }

  async list(): Promise<Peer[]> {
    return (await this.#options.store.list<Peer>(peerPrefix)).map(({ value }) => value)
  }

  /** By NAME, POOL/NAME, or POOL for all hosts of a pool. @throws NOT_FOUND */
  async revoke(wanted: string): Promise<void> {
    const found = (await this.list()).filter(({ name, pool }) =>
      [name, pool, `${pool}/${name}`].includes(wanted),
    )
    if (found.length === 0) throw new CrosspoolError('NOT_FOUND', { kind: 'peer', id: wanted })
    await this.#options.store.transact({
      deletes: found.map(({ fingerprint }) => peerPrefix + fingerprint),
    })
    for (const { fingerprint } of found) this.#options.onRevoked(fingerprint)
  }

  async callerOf(fingerprint: string): Promise<Caller | null> {
    const peer = (await this.list()).find((known) => known.fingerprint === fingerprint)
    if (!peer) return null
    const name = `${peer.pool}/${peer.name}`
    return { kind: 'peer', id: fingerprint, name, role: null, expiresAtMs: null }
  }

  /** The fingerprint that whoever answers at `url` must have. Null: nobody there is trusted. */
  async fingerprintAt(url: string): Promise<string | null> {
    const { origin } = new URL(url)
    const peer = (await this.list()).find((known) => new URL(known.url).origin === origin)
    return peer?.fingerprint ?? null
  }

  async #pin(peer: Omit<Peer, 'trustedAtMs'>): Promise<Peer> {
    await this.#refuseSecondKey(peer.url, peer.fingerprint)
    const { store, clock } = this.#options
    const pinned = { ...peer, trustedAtMs: clock.now() }
    await store.transact({ puts: [{ key: peerPrefix + peer.fingerprint, value: pinned }] })
    return pinned
  }

  /** Nobody takes the place of a host that is trusted; one that was made anew has to be revoked first. */
  async #refuseSecondKey(url: string, fingerprint: string): Promise<void> {
    const known = await this.fingerprintAt(url)
    if (known === null || known === fingerprint) return
    const reason =
      'it has another key than the one that is trusted; `crosspool pool revoke` it first'
    throw new CrosspoolError('PEER_UNTRUSTED', { url, reason })
  }
}

function codeKey(code: string): string {
  return codePrefix + createHash('sha256').update(code).digest('hex')
}
