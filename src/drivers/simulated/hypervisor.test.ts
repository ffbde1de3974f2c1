import { beforeEach, expect, test } from 'vitest'
import { connectedStreams } from '../../../test/support/connected-streams.ts'
import { createSimulatedClock } from './clock.ts'
import { createSimulatedHypervisor, type SimulatedHypervisor } from './hypervisor.ts'
import { createHypervisorWorld, type HypervisorWorld } from './hypervisor-world.ts'

const clock = createSimulatedClock()
let world: HypervisorWorld
let source: SimulatedHypervisor
let destination: SimulatedHypervisor
const vm = 'vm'

beforeEach(() => {
  world = createHypervisorWorld()
  world.addHost('a')
  world.addHost('b')
  const options = { clock, sendsAfterHandover: true }
  source = createSimulatedHypervisor(world, 'a', options)
  destination = createSimulatedHypervisor(world, 'b', options)
  world.addVm('a', { id: vm, guestState: 'counter=1' })
})

async function begin() {
  const streams = connectedStreams()
  const incoming = await destination.receive(await source.configuration(vm), streams.destination)
  const options = { signal: new AbortController().signal, onProgress: () => {} }
  const outgoing = await source.send(vm, streams.source, options)
  outgoing.paused.catch(() => {})
  return { outgoing, incoming }
}

async function beginUntilReady() {
  const migration = await begin()
  await Promise.all([migration.outgoing.paused, migration.incoming.ready])
  return migration
}

test('what the guest had in memory at the pause arrives', async () => {
  const { outgoing, incoming } = await beginUntilReady()
  await outgoing.finish()
  await incoming.start()
  expect(world.host('b').vms.get(vm)).toMatchObject({ guestState: 'counter=1', state: 'running' })
})

test('the world remembers that a VM ran in two places', async () => {
  const { outgoing, incoming } = await beginUntilReady()
  await outgoing.finish()
  await incoming.start()
  await outgoing.resume()
  expect(world.runningAt(vm)).toEqual(['a', 'b'])
  expect(world.violations).toEqual(['vm runs on a and b'])
})

test.each(['send-fails', 'send-hangs'] as const)(
  '%s: both sides fail, the VM runs on',
  async (name) => {
    world.injectFault('a', { name, fraction: 0.5 })
    const { outgoing, incoming } = await begin()
    await clock.advance(60_000)
    await expect(outgoing.paused).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
    await expect(incoming.ready).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
    expect(world.presentAt(vm)).toEqual(['a'])
    expect(world.runningAt(vm)).toEqual(['a'])
  },
)

test('receive-fails: the source is told why', async () => {
  world.injectFault('b', { name: 'receive-fails' })
  const { outgoing, incoming } = await begin()
  await expect(incoming.ready).rejects.toThrow('asked to fail')
  await expect(outgoing.paused).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
  expect(world.runningAt(vm)).toEqual(['a'])
})

test('guest-shuts-down: sending ends, and nothing starts it again', async () => {
  world.injectFault('a', { name: 'guest-shuts-down', fraction: 0.5 })
  const { outgoing } = await begin()
  await expect(outgoing.paused).rejects.toThrow('the VM has ended')
  expect(await source.list()).toMatchObject([{ state: 'shutdown' }])
})

test('start-refused: nothing is left there, and the source can go on', async () => {
  world.injectFault('b', { name: 'start-refused' })
  const { outgoing, incoming } = await beginUntilReady()
  await outgoing.finish()
  await expect(incoming.start()).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
  await expect(incoming.start()).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
  expect(world.presentAt(vm)).toEqual(['a'])
  await outgoing.resume()
  expect(world.violations).toEqual([])
})

test('start-uncertain: it runs all the same, as the next answer says', async () => {
  world.injectFault('b', { name: 'start-uncertain' })
  const { outgoing, incoming } = await beginUntilReady()
  await outgoing.finish()
  await expect(incoming.start()).rejects.toMatchObject({ code: 'INTERNAL' })
  await incoming.start()
  expect(world.runningAt(vm)).toEqual(['b'])
})

test('resume-fails and forget-fails happen once', async () => {
  world.injectFault('a', { name: 'resume-fails' })
  world.injectFault('a', { name: 'forget-fails' })
  const { outgoing, incoming } = await beginUntilReady()
  await incoming.discard()
  await expect(outgoing.resume()).rejects.toMatchObject({ code: 'INTERNAL' })
  await outgoing.resume()
  expect(world.runningAt(vm)).toEqual(['a'])
  await expect(outgoing.forget()).rejects.toMatchObject({ code: 'INTERNAL' })
  await outgoing.forget()
  expect(world.presentAt(vm)).toEqual([])
})

test('a crashed daemon leaves a paused VM paused, and no half-built one', async () => {
  await beginUntilReady()
  source.crash()
  destination.crash()
  expect(world.presentAt(vm)).toEqual(['a'])
  expect(await source.list()).toMatchObject([{ state: 'paused' }])
  await source.resume(vm)
  expect(world.runningAt(vm)).toEqual(['a'])
})

test('a host has what its VMs and those to come do not use', async () => {
  const { freeMemoryBytes } = await destination.host()
  await begin()
  expect((await destination.host()).freeMemoryBytes).toBe(freeMemoryBytes - 1_000_000)
})

test('missing features are those that the destination has not', async () => {
  world.addVm('a', { id: 'new', cpuFeatures: ['sse4.2', 'avx2'] })
  const configuration = await source.configuration('new')
  expect(await destination.missingCpuFeatures(configuration)).toEqual(['avx2'])
})
