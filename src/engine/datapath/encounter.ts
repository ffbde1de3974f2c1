import { createHash, createHmac } from 'node:crypto'
import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import type { BlockEndpoint } from '../../ports/block-replicator.ts'
import type { Mirror, MirrorHello } from '../../ports/datapath.ts'
import type { SecureLinks } from '../../ports/secure-link.ts'
import { mirrorName } from './names.ts'
import type { DatapathParts } from './parts.ts'

// What a peer sends ends up in configuration files, so nothing gets in but what an address is made of.
const addressSchema = z.string().regex(/^[0-9A-Za-z.:-]{1,253}$/)
const portSchema = z.int().min(1).max(65535)
const endpointSchema = z.object({ address: addressSchema, port: portSchema })
const linkedSchema = endpointSchema.extend({
  linkKey: z.string().regex(/^[0-9A-Za-z+/]{43}=$/),
  linkPort: portSchema,
})

/** DRBD takes no secret of more than 63 characters. */
const replicatorSecretBytes = 24

/** What the replicator connects, in the clear or through a link. */
interface Encounter {
  readonly local: BlockEndpoint
  readonly peer: BlockEndpoint
}

/** The scheme of mirrors that go through a secure link. */
export function linkedScheme(scheme: string, links: SecureLinks): string {
  return `${scheme}+${links.capabilities.scheme}`
}

/** Where the other side will reach this one; kept until the mirror is closed. */
export async function introduce(parts: DatapathParts, mirror: Mirror): Promise<MirrorHello> {
  const endpoint = await parts.replicator.reserve(mirrorName(mirror))
  const links = linksOf(parts, mirror)
  if (links === null) return { ...endpoint }
  const { publicKey, port } = await links.reserve(mirrorName(mirror))
  return { ...endpoint, linkKey: publicKey, linkPort: port }
}

/** Makes the link to whoever has introduced himself, if there is to be one. */
export async function meet(
  parts: DatapathParts,
  mirror: Mirror,
  hello: MirrorHello,
): Promise<Encounter> {
  const name = mirrorName(mirror)
  const local = await parts.replicator.reserve(name)
  const links = linksOf(parts, mirror)
  const peer = parseHello(endpointSchema, hello)
  // Between two repositories of one host nothing goes over a wire.
  if (links === null || peer.address === local.address) return { local, peer }
  const { linkKey, linkPort } = parseHello(linkedSchema, hello)
  const addresses = innerAddresses(mirror)
  await links.establish({
    name,
    ...addresses,
    peer: { publicKey: linkKey, address: peer.address, port: linkPort },
    sharedKey: keyFor(mirror, 'link').toString('base64'),
  })
  return {
    local: { address: addresses.localAddress, port: local.port },
    peer: { address: addresses.peerAddress, port: peer.port },
  }
}

/**
 * What the replicator's two sides know each other by. Not the URI's secret: drbdadm makes an argument of
 * it for drbdsetup, where any user of the host may see it for a moment.
 */
export function replicatorSecret(mirror: Mirror): string {
  return keyFor(mirror, 'replicator').subarray(0, replicatorSecretBytes).toString('hex')
}

function keyFor({ id, secret }: Mirror, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`${purpose} ${id}`).digest()
}

function linksOf({ replicator, links }: DatapathParts, { scheme }: Mirror): SecureLinks | null {
  if (scheme === replicator.capabilities.scheme) return null
  if (links !== null && scheme === linkedScheme(replicator.capabilities.scheme, links)) return links
  const what = `Replication by ${scheme}`
  throw new CrosspoolError('NOT_SUPPORTED', { what, reason: 'this host cannot encrypt it' })
}

/**
 * Both sides work out the same addresses without asking: a network of private IPv6 addresses
 * (RFC 4193) whose 56 bits come from the mirror's id, so that no two and nobody else's are the same.
 */
function innerAddresses({ id, end }: Mirror) {
  const digits = `fd${createHash('sha256').update(id).digest('hex').slice(0, 14)}`
  const network = digits.match(/.{4}/g)?.join(':')
  const own = end === 'source' ? 1 : 2
  return { localAddress: `${network}::${own}`, peerAddress: `${network}::${3 - own}` }
}

/** @throws BAD_REQUEST */
export function parseHello<Output>(schema: z.ZodType<Output>, hello: MirrorHello): Output {
  const result = schema.safeParse(hello)
  if (result.success) return result.data
  throw new CrosspoolError('BAD_REQUEST', { reason: z.prettifyError(result.error) })
}
