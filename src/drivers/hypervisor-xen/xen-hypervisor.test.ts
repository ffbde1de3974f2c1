import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectedStreams } from '../../../test/support/connected-streams.ts'
import { FakeXen } from '../../../test/support/fake-xen.ts'
import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmStart } from '../../model/vm.ts'
import type { IncomingVm, OutgoingVm } from '../../ports/hypervisor.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import { fieldsOf } from './plain-data.ts'
import { writeSaveHeader } from './save-header.ts'
import { createXenHypervisor } from './xen-hypervisor.ts'

const uuid = '0f0e0d0c-aaaa-4bbb-8ccc-000000000001'
let folder: string
let clock: ReturnType<typeof createSimulatedClock>
let sourceXen: FakeXen
let destinationXen: FakeXen

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xen-'))
  clock = createSimulatedClock()
  sourceXen = new FakeXen()
  destinationXen = new FakeXen()
  sourceXen.add(uuid, 'web')
})

afterEach(() => rm(folder, { recursive: true }))

function driverOf(commandRunner: FakeXen) {
  const random = { uuid: () => uuid, hex: () => 'send' }
  const runtimeDirectory = commandRunner === sourceXen ? folder : join(folder, 'destination')
  const kernelDirectories = ['/boot', '/var/lib/crosspool-lab/guest']
  return createXenHypervisor({ commandRunner, clock, random, runtimeDirectory, kernelDirectories })
}

async function begin(
  signal = new AbortController().signal,
): Promise<{ outgoing: OutgoingVm; incoming: IncomingVm }> {
  const streams = connectedStreams()
  const source = driverOf(sourceXen)
  const vm = await source.configuration(uuid)
  const incoming = await driverOf(destinationXen).receive(vm, streams.destination)
  const options = { signal, onProgress: () => {} }
  const outgoing = await source.send(uuid, streams.source, options)
  incoming.ready.catch(() => {})
  outgoing.paused.catch(() => {})
  return { outgoing, incoming }
}

async function beginUntilReady() {
  const migration = await begin()
  await Promise.all([migration.outgoing.paused, migration.incoming.ready])
  return migration
}

test('at the pause xl is stopped, so that it cannot resume the domain by itself', async () => {
  const { outgoing, incoming } = await beginUntilReady()
  const [sender] = sourceXen.senders
  expect(sender?.signals).toEqual(['SIGSTOP'])
  await incoming.discard()
  expect(sourceXen.domains.get(1)?.flags).toBe('---ss-')
  await outgoing.resume()
  expect(sourceXen.domains.get(1)?.flags).toBe('-b----')
  expect(sender?.hasEnded).toBe(true)
})

test('a domain whose sender crashed while it was suspended is brought back', async () => {
  const { outgoing, incoming } = await beginUntilReady()
  sourceXen.senders[0]?.kill('SIGKILL')
  await outgoing.resume()
  expect(sourceXen.domains.get(1)?.flags).toBe('-b----')
  await incoming.discard()
})

test('after a restart, what is left of the sender is ended before the domain is resumed', async () => {
  await beginUntilReady()
  const restarted = driverOf(sourceXen)
  expect(await restarted.list()).toMatchObject([{ id: uuid, state: 'suspended' }])
  sourceXen.commands.length = 0
  await restarted.resume(uuid)
  expect(sourceXen.commands.filter((line) => /^(pkill|xl migrate)/.test(line))).toEqual([
    `pkill -KILL -f xl migrate -s +1 exec socat .*UNIX-CONNECT:${folder.replaceAll('.', '\\.')}/`,
    expect.stringContaining('xl migrate -s  1 printf'),
  ])
  expect(await restarted.list()).toMatchObject([{ id: uuid, state: 'running' }])
})

test('a guest that has ended cannot be resumed', async () => {
  const { outgoing } = await beginUntilReady()
  const [domain] = sourceXen.domains.values()
  if (domain) domain.flags = '---s--'
  await expect(outgoing.resume()).rejects.toMatchObject({ code: 'WRONG_STATE' })
})

test('of a guest that reboots while its memory is sent, the domain that xl builds anew is left alone', async () => {
  sourceXen.memoryBytes = 100_000_000
  const { outgoing, incoming } = await begin()
  await expect.poll(() => destinationXen.domains.size).toBe(1)
  sourceXen.domains.delete(1)
  const built = sourceXen.add(uuid, 'web')
  built.flags = '--p---'
  await expect(outgoing.paused).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
  await expect(incoming.ready).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
  await expect(outgoing.resume()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect([...sourceXen.domains.values()]).toEqual([built])
  expect(built.flags).toBe('--p---')
  expect(destinationXen.domains.size).toBe(0)
})

test('a start that xl could not do is refused, and nothing is left', async () => {
  destinationXen.startStatus = 3
  const { outgoing, incoming } = await beginUntilReady()
  const refusal = { code: 'HANDOVER_REFUSED', message: expect.stringContaining('(3)') }
  await expect(incoming.start()).rejects.toMatchObject(refusal)
  await expect(incoming.start()).rejects.toMatchObject(refusal)
  expect(destinationXen.domains.size).toBe(0)
  await outgoing.resume()
  expect(sourceXen.domains.get(1)?.flags).toBe('-b----')
})

test.each([
  ['had too little memory says so', 40, 'MEMORY_SHORT'],
  ['had enough tells what broke', 902, 'MEMORY_STREAM_FAILED'],
])('of a receiver that could not build the domain, a host that %s', async (_, free, code) => {
  destinationXen.memoryBytes = 100_000_000
  const { incoming } = await begin()
  await expect.poll(() => destinationXen.receivers.length).toBe(1)
  destinationXen.freeMemoryMib = free
  destinationXen.receivers[0]?.end(1)
  await expect(incoming.ready).rejects.toMatchObject({ code })
})

test('a receiver that was killed has not started anything, and its copy goes', async () => {
  const { incoming } = await beginUntilReady()
  destinationXen.receivers[0]?.kill('SIGKILL')
  await expect(incoming.start()).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
  expect(destinationXen.domains.size).toBe(0)
})

test('a receiver that dies after it has started the domain does not undo that', async () => {
  const { incoming } = await beginUntilReady()
  const [domain] = destinationXen.domains.values()
  destinationXen.receivers[0]?.kill('SIGKILL')
  if (domain) Object.assign(domain, { name: 'web', flags: '--p---' })
  await incoming.start()
  expect(domain?.flags).toBe('-b----')
  expect(destinationXen.commands).toContain('xl unpause 1')
})

test('after a restart, a received domain that has not been started is refused for good', async () => {
  await beginUntilReady()
  const restarted = driverOf(destinationXen)
  for (let time = 0; time < 2; time += 1)
    await expect(restarted.resume(uuid)).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
  expect(destinationXen.domains.size).toBe(0)
  await restarted.destroy(uuid)
  await expect(restarted.resume(uuid)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test.each([
  ['runs, when xl had given it its name', 'web', '--p---', '-b----'],
  ['is left alone, when it runs', 'web', '-b----', '-b----'],
])('after a restart in the middle of the start, the domain %s', async (_, name, flags, after) => {
  const { incoming } = await beginUntilReady()
  const [domain] = destinationXen.domains.values()
  destinationXen.receivers[0]?.kill('SIGSTOP')
  void incoming.start().catch(() => {})
  await expect.poll(() => readFile(join(folder, 'destination/incoming', uuid), 'utf8')).toBe('told')
  if (domain) Object.assign(domain, { name, flags })
  await driverOf(destinationXen).resume(uuid)
  expect(domain?.flags).toBe(after)
})

test('after a restart in the middle of the start, a domain that xl has not named is refused', async () => {
  const { incoming } = await beginUntilReady()
  destinationXen.receivers[0]?.kill('SIGSTOP')
  void incoming.start().catch(() => {})
  await expect.poll(() => readFile(join(folder, 'destination/incoming', uuid), 'utf8')).toBe('told')
  await expect(driverOf(destinationXen).resume(uuid)).rejects.toMatchObject({
    code: 'HANDOVER_REFUSED',
  })
  expect(destinationXen.domains.size).toBe(0)
})

test('a stream on which nothing moves is given up, and the domain runs on', async () => {
  sourceXen.memoryBytes = 0
  destinationXen.memoryBytes = 1
  const { outgoing, incoming } = await begin()
  await expect.poll(() => sourceXen.domains.get(1)?.flags).toBe('---ss-')
  await clock.advance(60_001)
  // Both watch; who is first closes the stream for the other.
  const failed = { code: 'MEMORY_STREAM_FAILED' }
  await expect(outgoing.paused).rejects.toMatchObject(failed)
  await expect(incoming.ready).rejects.toMatchObject(failed)
  const reasons = await Promise.all(
    [outgoing.paused, incoming.ready].map((one) => one.catch(String)),
  )
  expect(reasons.join()).toContain('nothing moved for 60000 ms')
  expect(sourceXen.domains.get(1)?.flags).toBe('-b----')
  expect(destinationXen.domains.size).toBe(0)
})

test('of two VMs the second is asked for its memory when the first is across', async () => {
  const destination = driverOf(destinationXen)
  const vm = await driverOf(sourceXen).configuration(uuid)
  const first = await destination.receive(vm, connectedStreams().destination)
  const second = await destination.receive(vm, connectedStreams().destination)
  first.ready.catch(() => {})
  second.ready.catch(() => {})
  await expect.poll(() => destinationXen.receivers.length).toBe(1)
  await first.discard()
  await expect.poll(() => destinationXen.receivers.length).toBe(2)
  await second.discard()
  expect(destinationXen.receivers.every(({ hasEnded }) => hasEnded)).toBe(true)
})

test('the complaint of xl is part of the reason', async () => {
  const { outgoing } = await begin()
  await expect.poll(() => sourceXen.senders.length).toBe(1)
  sourceXen.senders[0]?.stderr.write('xc: info: Saving\rxc: error: guest too large\n')
  sourceXen.senders[0]?.kill('SIGKILL')
  await expect(outgoing.paused).rejects.toMatchObject({
    message: 'The memory stream broke: xl migrate ended (xc: error: guest too large)',
  })
})

test('what broke is the reason, also where the other side gives up because of it', async () => {
  const lost = new AbortController()
  const { outgoing } = await begin(lost.signal)
  await expect.poll(() => sourceXen.senders.length).toBe(1)
  const { probe } = sourceXen
  // While the domain is looked for, which is brought back.
  sourceXen.probe = (command, args) => {
    lost.abort(new CrosspoolError('PEER_FAILED', { code: 'ABORTED', message: 'no more' }))
    return probe.call(sourceXen, command, args)
  }
  sourceXen.senders[0]?.kill('SIGKILL')
  await expect(outgoing.paused).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
})

test('half-built copies are no VMs of the host, but are destroyed with it', async () => {
  const copy = sourceXen.add('0f0e0d0c-aaaa-4bbb-8ccc-000000000002', 'mail--incoming')
  const driver = driverOf(sourceXen)
  expect(await driver.list()).toMatchObject([{ id: uuid, name: 'web' }])
  await driver.destroy(copy.uuid)
  expect([...sourceXen.domains.keys()]).toEqual([1])
})

test('while a VM moves within one host, the domain that runs is the VM', async () => {
  const [domain] = sourceXen.domains.values()
  if (domain) domain.flags = '---ss-'
  sourceXen.add(uuid, 'web')
  expect(await driverOf(sourceXen).list()).toMatchObject([{ id: uuid, state: 'running' }])
})

test('a watch whose process has ended is begun again', async () => {
  const stop = driverOf(sourceXen).watch(() => {})
  sourceXen.watchers[0]?.end(1)
  await clock.advance(1_000)
  expect(sourceXen.watchers.length).toBe(2)
  stop()
  expect(sourceXen.watchers.every(({ hasEnded }) => hasEnded)).toBe(true)
  await clock.advance(60_000)
  expect(sourceXen.watchers.length).toBe(2)
})

const newVm: VmStart = {
  id: '0f0e0d0c-aaaa-4bbb-8ccc-000000000003',
  name: 'new',
  vcpus: 1,
  memoryBytes: 96 * MiB,
  boot: { kernel: '/boot/guest', arguments: '' },
  disks: [],
  interfaces: [],
}

test('a new VM is created by xl from a file, which goes again', async () => {
  await driverOf(sourceXen).start(newVm)
  const file = join(folder, `${newVm.id}.cfg`)
  expect(sourceXen.commands.at(-1)).toBe(`xl create -q ${file}`)
  expect(sourceXen.domains.get(2)).toMatchObject({ name: 'new', uuid: newVm.id })
  await expect(access(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('neither a UUID nor a name is used twice', async () => {
  for (const taken of [{ id: uuid }, { name: 'web' }]) {
    const started = driverOf(sourceXen).start({ ...newVm, ...taken })
    await expect(started).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  }
  expect(sourceXen.domains.size).toBe(1)
})

test('a host without the memory says so', async () => {
  sourceXen.createComplaint = 'failed to free memory for the domain'
  const started = driverOf(sourceXen).start(newVm)
  await expect(started).rejects.toMatchObject({
    code: 'MEMORY_SHORT',
    details: { neededBytes: 96 * MiB, freeBytes: expect.any(Number) },
  })
})

test("what the stream says that the VM is made of does not reach xl, which gets this host's words", async () => {
  const vm = await driverOf(sourceXen).configuration(uuid)
  const streams = connectedStreams()
  const incoming = await driverOf(destinationXen).receive(vm, streams.destination)
  const lie = { c_info: { uuid, name: 'web' }, b_info: { max_memkb: 1, device_model: '/bin/evil' } }
  streams.source.resume().write(writeSaveHeader(JSON.stringify(lie)))
  streams.source.write(Buffer.alloc(destinationXen.memoryBytes + 3))
  await incoming.ready
  expect(destinationXen.domains.get(1)?.configuration.b_info).toMatchObject({ max_memkb: 98304 })
  expect(JSON.stringify(destinationXen.domains.get(1)?.configuration)).not.toContain('evil')
  await incoming.discard()
})

test.each([
  ['garbage', (stream: Duplex) => void stream.write(Buffer.alloc(1_000, 'garbage')), 'not from xl'],
  ['nothing', (stream: Duplex) => void stream.end(), 'closed it before the memory'],
])(
  'a peer that sends %s in place of memory is refused, and nothing is left',
  async (_, send, reason) => {
    const vm = await driverOf(sourceXen).configuration(uuid)
    const streams = connectedStreams()
    const incoming = await driverOf(destinationXen).receive(vm, streams.destination)
    streams.source.on('error', () => {}).resume()
    send(streams.source)
    await expect(incoming.ready).rejects.toThrow(reason)
    expect(destinationXen.domains.size).toBe(0)
    expect(destinationXen.receivers.filter((xl) => !xl.hasEnded)).toEqual([])
  },
)

test('a peer that sends its memory byte by byte loses its turn', async () => {
  const vm = await driverOf(sourceXen).configuration(uuid)
  const streams = connectedStreams()
  const incoming = await driverOf(destinationXen).receive(vm, streams.destination)
  const ended = incoming.ready.then(
    () => null,
    (error: unknown) => error,
  )
  streams.source.on('error', () => {}).resume()
  streams.source.write(writeSaveHeader(JSON.stringify({ c_info: { uuid, name: 'web' } })))
  while (destinationXen.domains.size === 0) await new Promise((resolve) => setImmediate(resolve))
  for (let second = 0; second < 70; second += 1) {
    if (streams.source.writable) streams.source.write('x')
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(1_000)
  }
  expect(String(await ended)).toContain('nothing moved for 60000 ms')
  expect(destinationXen.domains.size).toBe(0)
})

test('a kernel outside the directories for kernels is neither received nor started', async () => {
  const vm = await driverOf(sourceXen).configuration(uuid)
  const domain = { ...fieldsOf(vm.details.domain), b_info: { kernel: '/boot/../etc/shadow' } }
  const refusal = { code: 'NOT_SUPPORTED', message: expect.stringContaining('for kernels') }
  const { destination } = connectedStreams()
  const receiving = driverOf(destinationXen).receive({ ...vm, details: { domain } }, destination)
  await expect(receiving).rejects.toMatchObject(refusal)
  const boot = { kernel: '/boot/vmlinux', initrd: '/etc/shadow', arguments: '' }
  const wanted = { ...vm, boot, disks: [], interfaces: [] }
  await expect(driverOf(destinationXen).start(wanted)).rejects.toMatchObject(refusal)
  expect(destinationXen.commands.filter((line) => /create|receive/.test(line))).toEqual([])
})
