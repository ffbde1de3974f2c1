import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { isCrosspoolError } from '../../src/model/errors.ts'
import type { VmConfiguration } from '../../src/model/vm.ts'
import type { ContractCase } from '../contracts/contract.ts'
import type { HypervisorFixture } from '../contracts/hypervisor.cases.ts'
import type { LabHost, TestGuest } from '../lab/index.ts'
import type { HypervisorProxy } from './hypervisor-proxy.ts'

/** Two real hosts, and where to look at what happened. */
export interface RealFixture extends HypervisorFixture {
  readonly source: HypervisorProxy
  readonly destination: HypervisorProxy
  readonly sourceHost: LabHost
  readonly destinationHost: LabHost
  /** The guest that `addVm` starts. */
  guest(): TestGuest
  /** A new agent in place of one that has crashed. */
  restartSource(): HypervisorProxy
}

/** What simulated hypervisors cannot show. */
export const realHostCases: readonly ContractCase<RealFixture>[] = [
  {
    name: 'pauses the guest for as long as this, seen from outside',
    async run(fixture) {
      const vm = await fixture.addVm()
      const beginMs = Date.now()
      const { outgoing, incoming } = await begin(fixture, vm)
      await Promise.all([outgoing.paused, incoming.ready])
      const pausedMs = Date.now()
      await incoming.start()
      const startedMs = Date.now()
      await fixture.guest().waitUntilOn(fixture.destinationHost)
      await outgoing.forget()
      const forgottenMs = Date.now()
      const gap = await fixture.guest().longestGap(beginMs, Date.now())
      const figures = {
        memoryMs: pausedMs - beginMs,
        startMs: startedMs - pausedMs,
        forgetMs: forgottenMs - startedMs,
        silenceMs: Math.round(gap.gapMs),
        silentBeforePausedMs: Math.round(pausedMs - gap.beginMs),
        silentAfterStartedMs: Math.round(gap.endMs - startedMs),
      }
      console.log(`        ${JSON.stringify(figures)}`)
    },
  },
  {
    name: 'keeps the VM stopped when the daemon dies at the pause, until it is told',
    async run(fixture) {
      const vm = await fixture.addVm()
      const { outgoing, incoming } = await begin(fixture, vm)
      await Promise.all([outgoing.paused, incoming.ready])
      await fixture.sourceHost.exec('pkill -KILL -f "node .*crosspool-hypervisor-test.mjs"')
      const source = fixture.restartSource()
      for (let look = 0; look < 5; look += 1) {
        await setTimeout(2_000)
        assert.equal(await stateOf(source, vm), 'suspended')
      }
      await incoming.discard()
      await source.resume(vm)
      assert.equal(await stateOf(source, vm), 'running')
      await source.resume(vm)
      await fixture.guest().waitUntilOn(fixture.sourceHost)
    },
  },
  {
    name: 'refuses to start a VM whose xl has been killed',
    async run(fixture) {
      const vm = await fixture.addVm()
      const { outgoing, incoming } = await begin(fixture, vm)
      await Promise.all([outgoing.paused, incoming.ready])
      await fixture.destinationHost.exec('pkill -KILL -f "xl migrate-receive"')
      await assert.rejects(incoming.start(), isRefusal)
      await outgoing.resume()
      assert.equal(await stateOf(fixture.source, vm), 'running')
      assert.equal(await stateOf(fixture.destination, vm), undefined)
      await fixture.guest().waitUntilOn(fixture.sourceHost)
    },
  },
  {
    name: 'leaves the VM running when the destination cannot build it',
    async run(fixture) {
      const vm = await fixture.addVm()
      const lostNetwork = (configuration: VmConfiguration): VmConfiguration => ({
        ...configuration,
        interfaces: configuration.interfaces.map((one) => ({ ...one, network: 'nobridge' })),
      })
      const { outgoing, incoming } = await begin(fixture, vm, lostNetwork)
      await assert.rejects(incoming.ready, (error) => {
        console.log(`        ${error}`)
        return isCrosspoolError(error, 'MEMORY_STREAM_FAILED')
      })
      await assert.rejects(outgoing.paused, (error) => {
        return isCrosspoolError(error, 'MEMORY_STREAM_FAILED')
      })
      assert.equal(await stateOf(fixture.source, vm), 'running')
      assert.equal(await stateOf(fixture.destination, vm), undefined)
      await fixture.guest().waitUntilOn(fixture.sourceHost)
    },
  },
  {
    name: 'says so when the guest ends while its memory moves',
    async run(fixture) {
      const vm = await fixture.addVm()
      const { outgoing, incoming, moving } = await begin(fixture, vm)
      await moving
      await fixture.sourceHost.run(['xl', 'destroy', fixture.guest().name])
      await assert.rejects(outgoing.paused, (error) => {
        console.log(`        ${error}`)
        return isCrosspoolError(error, 'MEMORY_STREAM_FAILED')
      })
      await assert.rejects(incoming.ready)
      assert.equal(await stateOf(fixture.source, vm), undefined)
      assert.equal(await stateOf(fixture.destination, vm), undefined)
    },
  },
]

async function begin(
  fixture: RealFixture,
  vm: string,
  change = (configuration: VmConfiguration) => configuration,
) {
  const configuration = change(await fixture.source.configuration(vm))
  const streams = await fixture.connect()
  const incoming = await fixture.destination.receive(configuration, streams.destination)
  let note: () => void = () => {}
  const moving = new Promise<void>((resolve) => {
    note = resolve
  })
  const options = { signal: new AbortController().signal, onProgress: () => note() }
  const outgoing = await fixture.source.send(vm, streams.source, options)
  return { outgoing, incoming, moving }
}

async function stateOf(hypervisor: HypervisorProxy, vm: string): Promise<string | undefined> {
  return (await hypervisor.list()).find(({ id }) => id === vm)?.state
}

const isRefusal = (error: unknown) => isCrosspoolError(error, 'HANDOVER_REFUSED')
