/**
 * Links to other hosts over a network that is not trusted: one for each replication, between two
 * addresses that only this link has. What leaves by the link is encrypted, what arrives by it is the
 * named peer's and nobody else's, or it does not arrive. Every method may be repeated, also after a
 * restart of the daemon or of the host. Links that somebody else made are never touched.
 */
export interface SecureLinks {
  readonly capabilities: SecureLinkCapabilities
  /** Keeps a key and a port for a link until `close`. The private key never leaves this host. @throws NO_FREE_PORT */
  reserve(name: string): Promise<SecureLinkEnd>
  /** Brings up a reserved link as it is described. Nothing that goes over it already is disturbed. */
  establish(link: SecureLink): Promise<void>
  /** Removes it with its keys. One that is not there is no error. */
  close(name: string): Promise<void>
  /** Names of all that `reserve` made and `close` has not removed. */
  list(): Promise<readonly string[]>
}

export interface SecureLinkCapabilities {
  /** What replication URIs call it. */
  readonly scheme: string
}

/** What the other side must know of this one. */
export interface SecureLinkEnd {
  readonly publicKey: string
  readonly port: number
}

export interface SecureLink {
  readonly name: string
  /** Inner addresses (IPv6), which the link has to itself. */
  readonly localAddress: string
  readonly peerAddress: string
  readonly peer: SecureLinkEnd & {
    /** Where the other host is reached. */
    readonly address: string
  }
  /** 32 bytes in base64 that only the two sides know: without it the public keys are not enough. */
  readonly sharedKey: string
}
