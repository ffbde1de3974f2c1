import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { fingerprintOf } from '../../lib/identity.ts'
import {
  type Access,
  type AuditEntry,
  type Caller,
  isAllowed,
  localCaller,
} from '../../model/access.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Requester } from '../contract/route.ts'
import { bearerToken } from './bearer-token.ts'
import type { Connections } from './connections.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call it; viewers and all above, where nothing is said. */
    readonly access?: Access
    /** How the audit log calls it. */
    readonly noted?: string
  }
}

export interface AccessOptions {
  /** Null: nobody knows them. */
  callerOfToken(secret: string): Promise<Caller | null>
  callerOfFingerprint(fingerprint: string): Promise<Caller | null>
  note(entry: Omit<AuditEntry, 'atMs'>): void
}

/** Finds out who asks, and refuses whoever may not. */
export class ServerAccess {
  readonly #options: AccessOptions
  readonly #connections: Connections
  readonly #requesters = new WeakMap<IncomingMessage, Requester>()

  constructor(options: AccessOptions, connections: Connections) {
    this.#options = options
    this.#connections = connections
  }

  /** Before anything of the request is read. @throws UNAUTHENTICATED, FORBIDDEN */
  async admit(request: IncomingMessage, access: Access): Promise<Requester> {
    const requester = await this.#identify(request)
    const { caller } = requester
    this.#requesters.set(request, requester)
    if (caller) this.#connections.note(request.socket, caller.id)
    if (access.role === 'anyone') return requester
    if (!caller) throw new CrosspoolError('UNAUTHENTICATED')
    if (isAllowed(caller, access)) return requester
    throw new CrosspoolError('FORBIDDEN', { caller: nameOf(caller), needed: access.role })
  }

  /** Of a request that has been admitted. */
  requesterOf(request: IncomingMessage): Requester {
    return this.#requesters.get(request) ?? { caller: null, fingerprint: null }
  }

  /** Every route is asked about, also those that are in no contract. */
  guard(app: FastifyInstance): void {
    app.addHook('onRequest', async (request) => {
      if (request.is404) return
      await this.admit(request.raw, request.routeOptions.config.access ?? { role: 'viewer' })
    })
    app.addHook('onResponse', async (request, reply) => {
      const { noted } = request.routeOptions.config
      const { caller } = this.requesterOf(request.raw)
      // A stranger could fill the log: what is refused to nobody in particular is only in the daemon's own.
      if (noted === undefined || (!caller && reply.statusCode === 401)) return
      const who = caller ? nameOf(caller) : 'a stranger'
      const result = reply.statusCode < 400 ? 'done' : `HTTP ${reply.statusCode}`
      this.#options.note({ who, what: noted, on: request.url.split('?')[0] ?? '', result })
    })
  }

  async #identify(request: IncomingMessage): Promise<Requester> {
    const { socket } = request
    if (this.#connections.isLocal(socket)) return { caller: localCaller, fingerprint: null }
    const secret = bearerToken(request.headers.authorization)
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
    const fingerprint = certificate ? fingerprintOf(certificate) : null
    if (secret !== null) return { caller: await this.#options.callerOfToken(secret), fingerprint }
    if (fingerprint === null) return { caller: null, fingerprint }
    return { caller: await this.#options.callerOfFingerprint(fingerprint), fingerprint }
  }
}

export function nameOf({ kind, name }: Caller): string {
  return kind === 'local' ? name : `${kind} ${name}`
}
