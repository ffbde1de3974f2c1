import { constants } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApiClient } from '../../src/api/client/api-client.ts'
import { createNodeFetch } from '../../src/api/client/node-fetch.ts'
import { createToolstackPeers } from '../../src/api/client/peers.ts'
import { PinnedConnector } from '../../src/api/client/pinned-connector.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import { ensureIdentity } from '../../src/drivers/identity-openssl/index.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import type { ReceiveRequest } from '../../src/model/migration.ts'
import type { ToolstackPeer } from '../../src/ports/peers.ts'
import { Scene } from './scene.ts'
import { tracesOf } from './traces.ts'

/** A peer that is trusted, speaks the protocol, and lies. Whatever it tries, the real daemons and their hosts stay as they were. */
let scene: Scene
let honest: ReceiveRequest
let before: unknown
let connector: PinnedConnector
let peer: ToolstackPeer
/** Each refusal uses one up. */
let epoch = 0

beforeAll(async () => {
  scene = await Scene.open()
  const body = { destination: scene.destination.url }
  honest = await scene.source.toolstack.receiveRequest({ params: { vm: scene.guest.name }, body })
  before = await tracesOf(scene.playground)
  // It has the source's key.
  const folder = join(scene.source.plan.directory, 'state/xapi/identity')
  const identity = await ensureIdentity(systemCommandRunner, folder)
  const { fingerprint } = await scene.destination.toolstack.getIdentity()
  connector = new PinnedConnector({ identity, fingerprintAt: async () => fingerprint })
  peer = createToolstackPeers(connector).connect(scene.destination.url)
})

afterAll(() => scene?.close())

const receive = (change: object) => {
  epoch += 1
  return peer.receive({ ...honest, epoch, ...change })
}

/** What a receiver that has been refused leaves takes a moment to go. */
const untouched = () =>
  expect.poll(() => tracesOf(scene.playground), { timeout: 60_000 }).toEqual(before)

async function untilAborted(receiver: string, token: string) {
  const state = async () => (await peer.getReceiver(receiver, token)).state
  await expect.poll(state, { timeout: 60_000 }).toBe('aborted')
}

it.each([
  ['a name that is a path', () => ({ vm: { ...honest.vm, name: '../../x' } })],
  ['an id that is a path', () => ({ vm: { ...honest.vm, id: '../../x' } })],
  ['more memory than there is', () => ({ vm: { ...honest.vm, memoryBytes: 2 ** 52 } })],
  [
    'a disk larger than there is',
    () => ({
      disks: honest.disks.map((disk) => ({ ...disk, sizeBytes: 2 ** 52 })),
    }),
  ],
  ['a disk that is not among those that come', () => ({ disks: [] })],
  [
    'a slot with an option',
    () => ({
      vm: { ...honest.vm, disks: [{ slot: 'vda,file=/etc/shadow', device: '', readOnly: false }] },
    }),
  ],
  [
    'an unknown network',
    () => ({ interfaces: honest.interfaces.map((nic) => ({ ...nic, network: 'x' })) }),
  ],
  [
    'an argument of QEMU in its details',
    () => ({
      vm: { ...honest.vm, details: { ...honest.vm.details, extra: ['-drive', 'file=/dev/sda'] } },
    }),
  ],
  [
    'a CPU that is more',
    () => ({
      vm: { ...honest.vm, details: { ...honest.vm.details, cpu: 'qemu64 -device x' } },
    }),
  ],
  [
    'a kernel that is a secret of ours',
    () => {
      const boot = { kernel: '/etc/shadow', initrd: '/etc/passwd', arguments: '' }
      return { vm: { ...honest.vm, details: { ...honest.vm.details, boot } } }
    },
  ],
])('asks for a VM with %s', async (_, change) => {
  const refusals = ['BAD_REQUEST', 'PREFLIGHT_FAILED', 'MEMORY_SHORT', 'SR_FULL', 'NOT_FOUND']
  await expect(receive(change())).rejects.toMatchObject({
    code: expect.stringMatching(new RegExp(`^(${refusals.join('|')})$`)),
  })
  await untouched()
})

it('sends garbage in place of memory, more than QEMU wants', async () => {
  const { receiver, token } = await receive({})
  const stream = await peer.openMemory(receiver.id, token)
  stream.on('error', () => {}).resume()
  const flood = () => {
    while (stream.writable && stream.write(Buffer.alloc(65_536, 'garbage')));
  }
  stream.on('drain', flood)
  flood()
  await untilAborted(receiver.id, token)
  stream.destroy()
  await untouched()
})

it('sends garbage as compressed memory', async () => {
  const { receiver, token } = await receive({})
  const stream = await peer.openMemory(receiver.id, token, 'deflate')
  stream.on('error', () => {}).resume()
  stream.write(Buffer.alloc(65_536, 'garbage'))
  await untilAborted(receiver.id, token)
  const { reason } = await peer.getReceiver(receiver.id, token)
  expect(reason).toContain('memory stream broke')
  stream.destroy()
  await untouched()
})

it('uses a token again, that of another receiver, and one that it has made up', async () => {
  const { receiver, token } = await receive({})
  const wrong = { code: 'UNAUTHORIZED' }
  await expect(peer.openMemory(receiver.id, '0'.repeat(64))).rejects.toMatchObject(wrong)
  const stream = await peer.openMemory(receiver.id, token)
  stream.on('error', () => {}).resume()
  await expect(peer.openMemory(receiver.id, token)).rejects.toMatchObject({ code: 'WRONG_STATE' })
  const body = { epoch: epoch + 1, start: true }
  const stale = { code: 'STALE_EPOCH' }
  await expect(peer.take(receiver.id, token, body)).rejects.toMatchObject(stale)
  await peer.abort(receiver.id, token, 'that is enough')
  const refused = { code: 'HANDOVER_REFUSED', details: { reason: 'that is enough' } }
  await expect(peer.openMemory(receiver.id, token)).rejects.toMatchObject(refused)
  await untouched()
})

it('opens connections without end, and the host goes on working', async () => {
  const { hostname, port } = new URL(scene.destination.url)
  const sockets: Socket[] = []
  for (let each = 0; each < 600; each += 1) {
    const socket = connect({ host: hostname, port: Number(port), localAddress: '127.0.0.9' })
    sockets.push(socket.on('error', () => {}))
  }
  const isCut = ({ destroyed }: Socket) => destroyed
  await expect
    .poll(() => sockets.filter((socket) => isCut(socket)).length, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(400)
  const fetch = createNodeFetch({ connector })
  const client = createApiClient(toolstackRoutes, scene.destination.url, { fetch })
  expect(await client.health()).toMatchObject({ status: 'ok' })
  for (const socket of sockets) socket.destroy()
  await scene.expectUnharmed()
})

it('finds nothing that others may read', async () => {
  for (const { plan } of [scene.source, scene.destination]) {
    const folders = ['run', 'state', 'disks'].map((folder) => join(plan.directory, folder))
    const paths = await Promise.all(
      folders.map(async (folder) =>
        (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
      ),
    )
    const facts = await Promise.all(
      paths.flat().map(async (path) => ({ path, ...(await lstat(path)) })),
    )
    expect(facts.length).toBeGreaterThan(10)
    // The folders of the SRs are the administrator's.
    const isFolder = (mode: number) => (mode & constants.S_IFMT) === constants.S_IFDIR
    const forOthers = facts.filter(({ mode }) => !isFolder(mode) && (mode & 0o077) !== 0)
    // QEMU's own umask lets its group read; the folder that they are in does not.
    const closed = facts.filter(({ mode }) => (mode & 0o077) === 0)
    const open = forOthers.filter(
      ({ path }) => !closed.some((one) => path.startsWith(`${one.path}/`)),
    )
    expect(open.map(({ path }) => path)).toEqual([])
  }
})
