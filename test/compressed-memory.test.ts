import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createToolstackPeers, createTrustPeers } from '../src/api/client/peers.ts'
import { PinnedConnector } from '../src/api/client/pinned-connector.ts'
import { MiB } from '../src/lib/units.ts'
import { migrationDetailsOf } from '../src/model/migration.ts'
import { newIdentity } from './support/identities.ts'
import { startXenApiHosts, type XenApiHosts } from './support/xenapi-hosts.ts'

/** Two whole daemons, over TLS; their hypervisors send memory that is all zeroes. */
let hosts: XenApiHosts
beforeEach(async () => {
  hosts = await startXenApiHosts()
})
afterEach(() => hosts.close())

const wanted = () => ({
  ...{ destination: hosts.destination.secureUrl, srMap: {}, keepSourceDisks: false },
  networkMap: { '*': 'beta1-lan' },
})

async function migrate(compressMemory: boolean) {
  const { operations } = hosts.source.toolstack
  const { id } = await hosts.source.toolstack.migrate(hosts.vm, { ...wanted(), compressMemory })
  return operations.wait(id)
}

describe('a migration', () => {
  it('crosses the link as less where that was asked for, and says both', async () => {
    const operation = await migrate(true)
    expect(operation).toMatchObject({ state: 'succeeded', error: null })
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
    const details = migrationDetailsOf(operation)
    expect(details?.checks).toContainEqual(
      expect.objectContaining({ name: 'memory-encoding', result: 'passed' }),
    )
    expect(details?.memory.sentBytes).toBe(4 * MiB)
    expect(details?.memory.crossedBytes).toBe(details?.figures.memoryBytesCrossed)
    expect(details?.figures.memoryBytesCrossed).toBeGreaterThan(0)
    expect(details?.figures.memoryBytesCrossed).toBeLessThan(MiB / 16)
  })

  it('does not unless told', async () => {
    const operation = await migrate(false)
    expect(operation.state).toBe('succeeded')
    const details = migrationDetailsOf(operation)
    expect(details?.figures.memoryBytesCrossed).toBeNull()
    expect(details?.memory).toMatchObject({ sentBytes: 4 * MiB, crossedBytes: null })
  })

  it('whose sender fails is taken back, compressed or not', async () => {
    hosts.vms.injectFault('alpha1', { name: 'send-fails', fraction: 0.5 })
    expect(await migrate(true)).toMatchObject({
      ...{ state: 'failed', error: { code: 'MEMORY_STREAM_FAILED' } },
    })
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['alpha1'])
    expect(await hosts.destination.toolstack.receivers.list()).toMatchObject([{ state: 'aborted' }])
  })
})

describe('a receiver of compressed memory', () => {
  async function receiving() {
    const identity = await newIdentity()
    const { destination, source, vm } = hosts
    const [url = '', fingerprint = '', code = ''] = (await destination.trust.invite()).line.split(
      '#',
    )
    const place = { name: 'gamma1', pool: 'gamma', url: 'https://gamma:7311' }
    await createTrustPeers(identity).introduce(url, fingerprint, { ...place, code })
    const connector = new PinnedConnector({ identity, fingerprintAt: async () => fingerprint })
    const peer = createToolstackPeers(connector).connect(destination.secureUrl)
    const request = await source.toolstack.receiveRequest(vm, wanted())
    const { receiver, token } = await peer.receive(request)
    const stream = await peer.openMemory(receiver.id, token, 'deflate')
    stream.on('error', () => {}).resume()
    return { stream, now: () => peer.getReceiver(receiver.id, token) }
  }

  it.each([
    ['that is plain', Buffer.alloc(100, 'M')],
    ['that is cut', deflateSync(Buffer.alloc(1_000, 'M')).subarray(0, -5)],
    ['that says something else', deflateSync('not a frame')],
  ])('refuses memory %s', async (_, bytes) => {
    const { stream, now } = await receiving()
    stream.end(bytes)
    await vi.waitFor(async () => expect(await now()).toMatchObject({ state: 'aborted' }), 5_000)
    expect((await now()).reason).toMatch(/^The memory stream broke/)
    stream.destroy()
  })
})
