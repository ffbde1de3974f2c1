import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createToolstackPeers, createTrustPeers } from '../src/api/client/peers.ts'
import { PinnedConnector } from '../src/api/client/pinned-connector.ts'
import type { Identity } from '../src/lib/identity.ts'
import { newIdentity } from './support/identities.ts'
import { startXenApiHosts, type XenApiHosts } from './support/xenapi-hosts.ts'

/** Two hosts that trust each other, and others that would like to. */
let hosts: XenApiHosts
beforeEach(async () => {
  hosts = await startXenApiHosts()
})
afterEach(() => hosts.close())

const about = { name: 'gamma1', pool: 'gamma', url: 'https://127.0.0.1:9' }
const refused = { code: 'INVITATION_REFUSED' }

/** What an invitation says, taken apart. */
async function invited() {
  const { line } = await hosts.destination.trust.invite()
  const [url = '', fingerprint = '', code = ''] = line.split('#')
  return { line, url, fingerprint, code }
}

/** A host that the destination trusts. */
async function trustedHost(name: string): Promise<Identity> {
  const identity = await newIdentity()
  const { url, fingerprint, code } = await invited()
  const place = { name, pool: name, url: `https://${name}:7311` }
  await createTrustPeers(identity).introduce(url, fingerprint, { ...place, code })
  return identity
}

/** The destination as a host with this key sees it. */
function destinationFor(identity: Identity) {
  const { fingerprint, secureUrl } = hosts.destination
  const connector = new PinnedConnector({ identity, fingerprintAt: async () => fingerprint })
  return createToolstackPeers(connector, { timeoutMs: 5_000 }).connect(secureUrl)
}

describe('an invitation', () => {
  it('is good once, for one host', async () => {
    const { url, fingerprint, code } = await invited()
    const peers = createTrustPeers(await newIdentity())
    const request = { ...about, code }
    expect(await peers.introduce(url, fingerprint, request)).toMatchObject({ name: 'beta1' })
    await expect(peers.introduce(url, fingerprint, request)).rejects.toMatchObject(refused)
    const other = createTrustPeers(await newIdentity())
    await expect(other.introduce(url, fingerprint, request)).rejects.toMatchObject(refused)
    const names = (await hosts.destination.trust.list()).map(({ name }) => name)
    expect(names.sort()).toEqual(['alpha1', 'gamma1'])
  })

  it('that was altered leads nowhere', async () => {
    const { url, fingerprint, code } = await invited()
    const { trust } = hosts.source
    const wrongCode = `${url}#${fingerprint}#${'0'.repeat(code.length)}`
    await expect(trust.join(wrongCode)).rejects.toMatchObject(refused)
    const wrongKey = `${url}#${(await newIdentity()).fingerprint}#${code}`
    await expect(trust.join(wrongKey)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' })
    for (const line of [
      '',
      'x',
      `${url}#${fingerprint}`,
      `http:${url.slice(6)}#${fingerprint}#${code}`,
    ])
      await expect(trust.join(line)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('does not put another host in the place of one that is trusted', async () => {
    const { url, fingerprint, code } = await invited()
    const impostor = createTrustPeers(await newIdentity())
    const request = { ...about, url: hosts.source.secureUrl, code }
    await expect(impostor.introduce(url, fingerprint, request)).rejects.toMatchObject({
      code: 'PEER_UNTRUSTED',
    })
  })
})

describe('a receiver', () => {
  async function receiver(identity: Identity) {
    const { toolstack } = hosts.source
    const request = await toolstack.receiveRequest(hosts.vm, {
      ...{ destination: hosts.destination.secureUrl, srMap: {}, keepSourceDisks: false },
      networkMap: { '*': 'beta1-lan' },
    })
    return destinationFor(identity).receive(request)
  }

  it('is for the host that asked for it, with its token', async () => {
    const [gamma, delta] = [await trustedHost('gamma'), await trustedHost('delta')]
    const { receiver: made, token } = await receiver(gamma)
    expect(await destinationFor(gamma).getReceiver(made.id, token)).toMatchObject({ id: made.id })
    const unauthorized = { code: 'UNAUTHORIZED' }
    await expect(destinationFor(delta).getReceiver(made.id, token)).rejects.toMatchObject(
      unauthorized,
    )
    await expect(destinationFor(delta).abort(made.id, token, 'x')).rejects.toMatchObject(
      unauthorized,
    )
    await expect(
      destinationFor(gamma).take(made.id, 'f'.repeat(64), { epoch: 1, start: true }),
    ).rejects.toMatchObject(unauthorized)
    const stranger = destinationFor(await newIdentity())
    await expect(stranger.getReceiver(made.id, token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })

  it('shows its URIs to nobody who only looks', async () => {
    const { receiver: made } = await receiver(await trustedHost('gamma'))
    expect(JSON.stringify(made)).toContain('secret=')
    expect(JSON.stringify(await hosts.destination.toolstack.receivers.list())).not.toContain(
      'secret=',
    )
  })

  it('is cut with the trust', async () => {
    const gamma = await trustedHost('gamma')
    const { receiver: made, token } = await receiver(gamma)
    const { fingerprint, secureUrl, trust } = hosts.destination
    const connector = new PinnedConnector({
      identity: gamma,
      fingerprintAt: async () => fingerprint,
    })
    const idle = await connector.connect(secureUrl)
    const peer = createToolstackPeers(connector, { timeoutMs: 5_000 }).connect(secureUrl)
    const stream = await peer.openMemory(made.id, token)
    stream.on('error', () => {})
    const ended = new Promise((resolve) => stream.once('end', resolve).once('close', resolve))
    await trust.revoke('gamma')
    stream.resume()
    await ended
    stream.destroy()
    idle.destroy()
    await expect(peer.host()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('a host that is not trusted is spoken to by nobody', async () => {
  const { source, destination } = hosts
  await source.trust.revoke('beta')
  const request = { destination: destination.secureUrl, srMap: {}, networkMap: {} }
  await expect(
    source.toolstack.preflight(hosts.vm, { ...request, keepSourceDisks: false }),
  ).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' })
})
