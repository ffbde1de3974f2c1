import type { SecureLink, SecureLinkEnd } from '../../ports/secure-link.ts'

/** One side of a link as the kernel of its host holds it. */
export interface SimulatedLinkEnd {
  readonly hostAddress: string
  readonly own: SecureLinkEnd
  readonly link: SecureLink
}

/** Established ends by their inner address. */
export class SecureLinkNetwork {
  readonly #ends = new Map<string, SimulatedLinkEnd>()

  put(end: SimulatedLinkEnd): void {
    this.#ends.set(end.link.localAddress, end)
  }

  remove(localAddress: string): void {
    this.#ends.delete(localAddress)
  }

  /** The hosts between which packets of these two addresses travel; null where they do not arrive. */
  wire(from: string, to: string): readonly [string, string] | null {
    const [one, other] = [this.#ends.get(from), this.#ends.get(to)]
    if (one === undefined && other === undefined) return [from, to]
    if (one === undefined || other === undefined) return null
    return knows(one, other) && knows(other, one) ? [one.hostAddress, other.hostAddress] : null
  }

  /** Whether a packet of this host to an inner address comes through. */
  isReached(hostAddress: string, innerAddress: string): boolean {
    return [...this.#ends.values()].some(
      ({ link, ...end }) =>
        end.hostAddress === hostAddress &&
        link.peerAddress === innerAddress &&
        this.wire(link.localAddress, innerAddress) !== null,
    )
  }
}

function knows({ link }: SimulatedLinkEnd, other: SimulatedLinkEnd): boolean {
  const { peer } = link
  return (
    peer.publicKey === other.own.publicKey &&
    peer.port === other.own.port &&
    peer.address === other.hostAddress &&
    link.peerAddress === other.link.localAddress &&
    link.sharedKey === other.link.sharedKey
  )
}
