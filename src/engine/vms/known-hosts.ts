import { CrosspoolError } from '../../model/errors.ts'
import type { Host, Pool } from '../../model/host.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { describeHost } from './describe-host.ts'

export type KnownHost = { readonly name: string; readonly pool: string; readonly url: string }

const prefix = 'hosts/'
const key = ({ pool, name }: { pool: string; name: string }) => `${prefix}${pool}/${name}`

/** The other hosts that this one was told of, of its own pool and of others. */
export class KnownHosts {
  readonly #environment: ToolstackEnvironment

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
  }

  /** @throws PEER_UNREACHABLE */
  async introduce(url: string): Promise<Host> {
    const host = await this.#environment.peers.connect(url).host()
    await this.note({ ...host, url })
    return { ...host, url }
  }

  /** A host that said so itself. */
  async note({ name, pool, url }: KnownHost): Promise<void> {
    const known: KnownHost = { name, pool, url }
    await this.#environment.store.transact({ puts: [{ key: key(known), value: known }] })
  }

  /** `host`: NAME or POOL/NAME. One that is not known is no error. */
  async forget(host: string): Promise<void> {
    const found = (await this.stored()).filter((known) => matches(known, host))
    if (found.length) await this.#environment.store.transact({ deletes: found.map(key) })
  }

  /** This host first; one that does not answer is listed as not reachable. */
  async list(): Promise<Host[]> {
    const others = await Promise.all((await this.stored()).map((known) => this.#ask(known)))
    return [await describeHost(this.#environment), ...others]
  }

  async pools(): Promise<Pool[]> {
    const { pool, host } = this.#environment
    const all = [{ pool, name: host }, ...(await this.stored())]
    const names = [...new Set(all.map((known) => known.pool))]
    return names.map((name) => ({
      name,
      hosts: all.filter((known) => known.pool === name).map((known) => known.name),
    }))
  }

  /** URL of the xapi that a user means by a URL, NAME or POOL/NAME. @throws NOT_FOUND */
  async resolve(destination: string): Promise<string> {
    if (/^https?:\/\//.test(destination)) return destination
    const { pool, host, url } = this.#environment
    const all = [{ pool, name: host, url }, ...(await this.stored())]
    const found = all.filter((known) => matches(known, destination))
    const only = found[0]
    if (!only) throw new CrosspoolError('NOT_FOUND', { kind: 'host', id: destination })
    if (found.length > 1) {
      const names = found.map((known) => `${known.pool}/${known.name}`).join(', ')
      throw new CrosspoolError('BAD_REQUEST', {
        reason: `host ${destination} may be ${names}; say which`,
      })
    }
    return only.url
  }

  /** POOL/NAME of it, for records, which keep no addresses. @throws NOT_FOUND, BAD_REQUEST; PEER_UNTRUSTED for the URL of a stranger */
  async nameOf(destination: string): Promise<string> {
    const origin = originOf(await this.resolve(destination))
    const { pool, host: name, url } = this.#environment
    const all = [{ pool, name, url }, ...(await this.stored())]
    const found = all.find((known) => originOf(known.url) === origin)
    if (found) return `${found.pool}/${found.name}`
    const reason = 'no credentials are kept for later, so it must be a host that is known here'
    throw new CrosspoolError('PEER_UNTRUSTED', { url: origin, reason })
  }

  /** Those that were introduced. */
  async stored(): Promise<KnownHost[]> {
    return (await this.#environment.store.list<KnownHost>(prefix)).map(({ value }) => value)
  }

  async #ask(known: KnownHost): Promise<Host> {
    try {
      return { ...(await this.#environment.peers.connect(known.url).host()), url: known.url }
    } catch {
      const unknown = {
        hypervisor: '',
        version: '',
        memoryBytes: 0,
        freeMemoryBytes: 0,
        cpuModel: '',
        apiVersion: '',
      }
      return {
        ...known,
        ...unknown,
        networks: [],
        replicationSchemes: [],
        keepModes: [],
        memoryEncodings: [],
        encryptionObstacle: null,
        deviceKind: 'block',
        clockMs: 0,
        reachable: false,
      }
    }
  }
}

function matches({ pool, name }: { pool: string; name: string }, wanted: string): boolean {
  return wanted === name || wanted === `${pool}/${name}`
}

/** Without what may be a secret in it. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the destination'
}
