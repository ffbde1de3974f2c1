import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../../src/model/errors.ts'
import { isCrosspoolError } from '../../src/model/errors.ts'
import type { VmFacts, VmStart } from '../../src/model/vm.ts'
import type { DiskWrites } from '../../src/model/write-latency.ts'
import type { Hypervisor, IncomingVm, OutgoingVm } from '../../src/ports/hypervisor.ts'
import type { ContractCase, Disposable } from './contract.ts'

/** Two hosts, as the contract needs them. */
export interface HypervisorFixture extends Disposable {
  readonly source: Hypervisor
  readonly destination: Hypervisor
  /** Starts a VM at the source and answers its id. */
  addVm(): Promise<string>
  /** The same with a guest that shuts down when it is asked to; left out where the rig has none. */
  addObedientVm?(): Promise<string>
  /** The same with a guest that writes to its disks over and over; left out where the rig has none. */
  addWritingVm?(): Promise<string>
  /** A VM that the source can start; left out where the rig cannot make one. */
  newVm?(): Promise<VmStart>
  /** A new connection between the two hosts. */
  connect(): Promise<{ readonly source: Duplex; readonly destination: Duplex }>
  /** Throws when, as far as the rig can know, a VM ever ran in two places. Removes everything. */
  dispose(): Promise<void>
}

export const hypervisorCases: readonly ContractCase<HypervisorFixture>[] = [
  {
    name: 'lists a VM that runs, and describes it for the destination',
    async run(fixture) {
      const vm = await fixture.addVm()
      const facts = await factsOf(fixture.source, vm)
      assert.deepEqual([facts?.id, facts?.state, facts?.obstacles], [vm, 'running', []])
      const configuration = await fixture.source.configuration(vm)
      assert.deepEqual({ ...configuration, ...facts }, configuration)
      assert.equal(configuration.hypervisor, fixture.source.capabilities.type)
      assert.deepEqual(await fixture.destination.missingCpuFeatures(configuration), [])
      assert.deepEqual(JSON.parse(JSON.stringify(configuration)), configuration)
    },
  },

  {
    name: 'finds a VM by its UUID and by its name',
    async run({ source, addVm }) {
      const vm = await addVm()
      const facts = (await source.list()).find(({ id }) => id === vm)
      assert.ok(facts)
      assert.deepEqual(await source.find(vm), facts)
      assert.deepEqual(await source.find(facts.name), facts)
      assert.equal(await source.find(unknownVm), null)
      await source.destroy(vm)
      assert.equal(await source.find(facts.name), null)
    },
  },

  {
    name: 'knows the host and its networks',
    async run(fixture) {
      await fixture.addVm()
      const host = await fixture.source.host()
      assert.ok(host.freeMemoryBytes < host.memoryBytes)
      assert.ok((await fixture.source.networks()).length > 0)
    },
  },

  {
    name: 'says so when there is no such VM',
    async run(fixture) {
      const { source } = await fixture.connect()
      await rejectsWith(fixture.source.configuration(unknownVm), 'NOT_FOUND')
      await rejectsWith(fixture.source.shutdown(unknownVm), 'NOT_FOUND')
      await rejectsWith(fixture.source.reboot(unknownVm, 'clean'), 'NOT_FOUND')
      await rejectsWith(fixture.source.pause(unknownVm), 'NOT_FOUND')
      await rejectsWith(fixture.source.unpause(unknownVm), 'NOT_FOUND')
      const options = { signal: new AbortController().signal, onProgress: () => {} }
      await rejectsWith(fixture.source.send(unknownVm, source, options), 'NOT_FOUND')
      await fixture.source.untilConnected(unknownVm, [{ device: '/dev/none' }])
      await fixture.source.destroy(unknownVm)
      source.destroy()
    },
  },

  {
    name: 'destroys a VM, and tells who watches',
    async run(fixture) {
      const vm = await fixture.addVm()
      await untilNoticed(fixture.source, () => fixture.source.destroy(vm))
      assert.equal(await factsOf(fixture.source, vm), undefined)
      await fixture.source.destroy(vm)
    },
  },

  {
    name: 'starts a VM, once, and tells who watches',
    isFor: ({ newVm }) => newVm !== undefined,
    async run(fixture) {
      const wanted = await fixture.newVm?.()
      assert.ok(wanted)
      await untilNoticed(fixture.source, () => fixture.source.start(wanted))
      const { boot: _boot, cpu: _cpu, ...common } = wanted
      const facts = await factsOf(fixture.source, wanted.id)
      assert.deepEqual(facts, { ...common, state: 'running', obstacles: [] })
      await rejectsWith(fixture.source.start(wanted), 'ALREADY_EXISTS')
      assert.equal((await factsOf(fixture.source, wanted.id))?.state, 'running')

      const migration = await begin(fixture, wanted.id)
      await Promise.all([migration.outgoing.paused, migration.incoming.ready])
      await handOver(migration)
      await fixture.destination.untilConnected(wanted.id, wanted.disks)
      assert.deepEqual(await factsOf(fixture.destination, wanted.id), facts)
    },
  },

  {
    name: 'pauses a VM and runs it on, however often it is told',
    async run(fixture) {
      const { source } = fixture
      const vm = await fixture.addVm()
      for (const _ of [1, 2]) await source.pause(vm)
      assert.equal((await factsOf(source, vm))?.state, 'paused')
      await rejectsWith(source.shutdown(vm), 'WRONG_STATE')
      await rejectsWith(source.reboot(vm, 'clean'), 'WRONG_STATE')
      for (const _ of [1, 2]) await source.unpause(vm)
      assert.equal((await factsOf(source, vm))?.state, 'running')
    },
  },

  {
    name: 'asks a guest to shut down, which ends, and tells who watches',
    isFor: ({ addObedientVm }) => addObedientVm !== undefined,
    async run(fixture) {
      const { source } = fixture
      const vm = (await fixture.addObedientVm?.()) ?? ''
      await untilNoticed(source, () => source.shutdown(vm))
      await untilGone(source, vm)
      await rejectsWith(source.shutdown(vm), 'NOT_FOUND')
    },
  },

  {
    name: 'reboots a VM, which stays the same',
    async run(fixture) {
      const { source } = fixture
      const vm = await fixture.addVm()
      const before = await factsOf(source, vm)
      await source.reboot(vm, 'clean')
      assert.deepEqual(await factsOf(source, vm), before)
      if (!source.capabilities.resets)
        return rejectsWith(source.reboot(vm, 'hard'), 'NOT_SUPPORTED')
      await source.pause(vm)
      await source.reboot(vm, 'hard')
      assert.deepEqual(await factsOf(source, vm), before)
    },
  },

  {
    name: 'counts what a VM writes and how long that takes, and never less than before',
    isFor: ({ addWritingVm }) => addWritingVm !== undefined,
    async run(fixture) {
      const { source } = fixture
      assert.ok(source.capabilities.countsWrites)
      const vm = (await fixture.addWritingVm?.()) ?? ''
      const first = await untilWritten(source, vm, 0)
      const second = await untilWritten(source, vm, first.count)
      assert.ok(first.tookUs > 0 && second.tookUs >= first.tookUs)
      await source.destroy(vm)
      assert.deepEqual(await source.diskWrites(vm, []), [])
    },
  },

  {
    name: 'lets nobody press the buttons of a VM on its way',
    async run(fixture) {
      const { source, destination } = fixture
      const vm = await fixture.addVm()
      const buttons = (hypervisor: Hypervisor) => [
        () => hypervisor.shutdown(vm),
        () => hypervisor.reboot(vm, 'clean'),
        () => hypervisor.pause(vm),
        () => hypervisor.unpause(vm),
      ]
      const migration = await begin(fixture, vm)
      await migration.moving
      for (const press of buttons(source)) await rejectsWith(press(), 'BUSY')
      await Promise.all([migration.outgoing.paused, migration.incoming.ready])
      for (const press of buttons(source)) await rejectsWith(press(), 'BUSY', 'WRONG_STATE')
      for (const press of buttons(destination)) await rejectsWith(press(), 'NOT_FOUND')
      assert.deepEqual(await runningAt(fixture, vm), [])

      await handOver(migration)
      await destination.pause(vm)
      await destination.unpause(vm)
      assert.deepEqual(await runningAt(fixture, vm), ['destination'])
    },
  },

  {
    name: 'moves a VM, which runs in one place at a time',
    async run(fixture) {
      const vm = await fixture.addVm()
      const before = await factsOf(fixture.source, vm)
      const migration = await begin(fixture, vm)
      await migration.outgoing.stopped
      assert.deepEqual(await runningAt(fixture, vm), [])
      await Promise.all([migration.outgoing.paused, migration.incoming.ready])
      assert.deepEqual(await runningAt(fixture, vm), [])
      assert.ok(migration.progress.sentBytes > 0)
      assert.equal(migration.progress.isMonotonic, true)

      await handOver(migration)
      assert.deepEqual(await runningAt(fixture, vm), ['destination'])
      assert.equal(await factsOf(fixture.source, vm), undefined)
      assert.deepEqual(await factsOf(fixture.destination, vm), before)
    },
  },

  {
    name: 'lets start and forget be repeated',
    async run(fixture) {
      const vm = await fixture.addVm()
      const migration = await begin(fixture, vm)
      await Promise.all([migration.outgoing.paused, migration.incoming.ready])
      await handOver(migration)
      await handOver(migration)
      assert.deepEqual(await runningAt(fixture, vm), ['destination'])
      await rejectsWith(migration.outgoing.resume(), 'WRONG_STATE')
      await rejectsWith(migration.incoming.discard(), 'WRONG_STATE')
      assert.deepEqual(await runningAt(fixture, vm), ['destination'])
    },
  },

  {
    name: 'leaves the VM running when it is cancelled while memory moves',
    async run(fixture) {
      const vm = await fixture.addVm()
      const migration = await begin(fixture, vm)
      await migration.moving
      migration.abort.abort(new Error('cancelled'))
      await assert.rejects(migration.outgoing.paused, /cancelled/)
      await rejectsWith(migration.incoming.ready, streamFailed)
      await migration.incoming.discard()
      await expectAtSourceOnly(fixture, vm)
    },
  },

  {
    name: 'leaves the VM running when the connection breaks',
    async run(fixture) {
      const vm = await fixture.addVm()
      const migration = await begin(fixture, vm)
      await migration.moving
      migration.streams.destination.destroy()
      await rejectsWith(migration.outgoing.paused, streamFailed)
      await rejectsWith(migration.incoming.ready, streamFailed)
      await expectAtSourceOnly(fixture, vm)
    },
  },

  {
    name: 'leaves the VM running when the destination gives up',
    async run(fixture) {
      const vm = await fixture.addVm()
      const migration = await begin(fixture, vm)
      await migration.moving
      await migration.incoming.discard()
      await rejectsWith(migration.outgoing.paused, streamFailed)
      await expectAtSourceOnly(fixture, vm)
    },
  },

  {
    name: 'takes the VM back from the pause, and moves it at the next try',
    async run(fixture) {
      const vm = await fixture.addVm()
      const first = await begin(fixture, vm)
      await Promise.all([first.outgoing.paused, first.incoming.ready])
      await first.outgoing.resume()
      await first.outgoing.resume()
      assert.deepEqual(await runningAt(fixture, vm), ['source'])
      await first.incoming.discard()
      await expectAtSourceOnly(fixture, vm)

      const second = await begin(fixture, vm)
      await Promise.all([second.outgoing.paused, second.incoming.ready])
      await handOver(second)
      assert.deepEqual(await runningAt(fixture, vm), ['destination'])
    },
  },

  {
    name: 'refuses to start what it has discarded',
    async run(fixture) {
      const vm = await fixture.addVm()
      const migration = await begin(fixture, vm)
      await Promise.all([migration.outgoing.paused, migration.incoming.ready])
      await migration.incoming.discard()
      await rejectsWith(migration.incoming.start(), 'HANDOVER_REFUSED')
      await migration.outgoing.resume()
      await expectAtSourceOnly(fixture, vm)
    },
  },
]

interface Migration {
  readonly outgoing: OutgoingVm
  readonly incoming: IncomingVm
  readonly streams: { readonly source: Duplex; readonly destination: Duplex }
  readonly abort: AbortController
  /** Resolves at the first progress. */
  readonly moving: Promise<void>
  readonly progress: { sentBytes: number; isMonotonic: boolean }
}

const streamFailed = 'MEMORY_STREAM_FAILED'
const goneMs = 120_000
const writtenMs = 60_000
const unknownVm = '00000000-0000-4000-8000-00000000dead'

async function begin(fixture: HypervisorFixture, vm: string): Promise<Migration> {
  const configuration = await fixture.source.configuration(vm)
  const streams = await fixture.connect()
  const abort = new AbortController()
  const progress = { sentBytes: 0, isMonotonic: true }
  let note: () => void = () => {}
  const moving = new Promise<void>((resolve) => {
    note = resolve
  })
  const incoming = await fixture.destination.receive(configuration, streams.destination)
  const outgoing = await fixture.source.send(vm, streams.source, {
    signal: abort.signal,
    onProgress({ sentBytes }) {
      progress.isMonotonic &&= sentBytes > progress.sentBytes
      progress.sentBytes = sentBytes
      note()
    },
  })
  // Each test says which of the two it expects to fail, but only after the other one.
  outgoing.paused.catch(() => {})
  incoming.ready.catch(() => {})
  return { outgoing, incoming, streams, abort, moving, progress }
}

async function handOver({ outgoing, incoming }: Migration): Promise<void> {
  await outgoing.finish()
  await incoming.start()
  await outgoing.forget()
}

async function rejectsWith(work: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  await assert.rejects(work, (error: unknown) =>
    codes.some((code) => isCrosspoolError(error, code)),
  )
}

async function untilGone(hypervisor: Hypervisor, vm: string): Promise<void> {
  const untilMs = Date.now() + goneMs
  while (await factsOf(hypervisor, vm)) {
    assert.ok(Date.now() < untilMs, `${vm} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function untilWritten(hypervisor: Hypervisor, vm: string, more: number): Promise<DiskWrites> {
  const untilMs = Date.now() + writtenMs
  const disks = (await factsOf(hypervisor, vm))?.disks ?? []
  for (;;) {
    const [written] = await hypervisor.diskWrites(vm, disks)
    if (written && written.count > more) return written
    assert.ok(Date.now() < untilMs, `${vm} writes nothing: ${JSON.stringify(written)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function factsOf(hypervisor: Hypervisor, vm: string): Promise<VmFacts | undefined> {
  return (await hypervisor.list()).find(({ id }) => id === vm)
}

async function runningAt(fixture: HypervisorFixture, vm: string): Promise<readonly string[]> {
  const running: string[] = []
  if ((await factsOf(fixture.source, vm))?.state === 'running') running.push('source')
  if ((await factsOf(fixture.destination, vm))?.state === 'running') running.push('destination')
  return running
}

async function expectAtSourceOnly(fixture: HypervisorFixture, vm: string): Promise<void> {
  assert.deepEqual(await runningAt(fixture, vm), ['source'])
  assert.equal(await factsOf(fixture.destination, vm), undefined)
}

async function untilNoticed(hypervisor: Hypervisor, act: () => Promise<void>): Promise<void> {
  let stop: () => void = () => {}
  let hasActed = false
  const noticed = new Promise<void>((resolve) => {
    stop = hypervisor.watch(() => {
      if (hasActed) resolve()
    })
  })
  hasActed = true
  await act()
  await noticed
  stop()
}
