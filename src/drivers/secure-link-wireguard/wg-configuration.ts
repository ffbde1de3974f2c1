import type { SecureLink } from '../../ports/secure-link.ts'
import type { ReservedLink } from './link-files.ts'

/** What `wg syncconf` reads. Only the peer's inner address may be a packet's source. */
export function formatWgConfiguration(own: ReservedLink, link: SecureLink): string {
  const { peer, peerAddress, sharedKey } = link
  return [
    '[Interface]',
    `PrivateKey = ${own.privateKey}`,
    `ListenPort = ${own.port}`,
    '[Peer]',
    `PublicKey = ${peer.publicKey}`,
    `PresharedKey = ${sharedKey}`,
    `AllowedIPs = ${peerAddress}/128`,
    `Endpoint = ${formatEndpoint(peer)}`,
    '',
  ].join('\n')
}

function formatEndpoint({ address, port }: SecureLink['peer']): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
