import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fingerprintOf, type Identity } from '../../lib/identity.ts'
import { CrosspoolError } from '../../model/errors.ts'

export interface PinnedConnectorOptions {
  /** The key that whoever answers at a URL must have; null: nobody there is trusted. */
  readonly fingerprintAt: (url: string) => Promise<string | null>
  /** What we show of ourselves, if anything. */
  readonly identity?: Identity
}

/**
 * Opens TLS connections on which nothing is said before the other side has proved that it has the right key. Who has
 * signed its certificate, its name and its dates make no difference.
 */
export class PinnedConnector {
  readonly #options: PinnedConnectorOptions
  readonly #sockets = new Map<TLSSocket, string>()

  constructor(options: PinnedConnectorOptions) {
    this.#options = options
  }

  /** @throws PEER_UNTRUSTED */
  async connect(url: string, allowHalfOpen = false): Promise<TLSSocket> {
    const fingerprint = await this.#options.fingerprintAt(url)
    if (fingerprint === null) throw untrusted(url, 'no key of it is known')
    const socket = await this.#handshake(url, allowHalfOpen)
    const certificate = socket.getPeerX509Certificate()
    if (!certificate || fingerprintOf(certificate) !== fingerprint) {
      socket.destroy()
      throw untrusted(url, 'whoever answers there has another key')
    }
    this.#sockets.set(socket, fingerprint)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  /** Ends all that is open to whoever has this key. */
  cut(fingerprint: string): void {
    for (const [socket, key] of this.#sockets) if (key === fingerprint) socket.destroy()
  }

  #handshake(url: string, allowHalfOpen: boolean): Promise<TLSSocket> {
    const { identity } = this.#options
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    const tcp = connectTcp({ host, port: Number(port || 443), allowHalfOpen })
    const socket = connectTls({
      ...{ socket: tcp, minVersion: 'TLSv1.3', rejectUnauthorized: false },
      ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
    })
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        socket.destroy()
        reject(error)
      }
      tcp.once('error', fail)
      socket.once('error', fail)
      socket.once('secureConnect', () => {
        tcp.off('error', fail)
        socket.off('error', fail)
        resolve(socket)
      })
    })
  }
}

export function untrusted(url: string, reason: string): CrosspoolError {
  return new CrosspoolError('PEER_UNTRUSTED', { url: new URL(url).origin, reason })
}
