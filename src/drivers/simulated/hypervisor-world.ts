import { GiB } from '../../lib/units.ts'
import type { VmDisk, VmInterface, VmState } from '../../model/vm.ts'
import type { DiskWrites } from '../../model/write-latency.ts'

/** A VM of the simulation. `guestState` stands for its memory: whatever it is when the VM is paused must arrive. */
export interface SimulatedVm {
  readonly id: string
  readonly name: string
  state: VmState
  readonly vcpus: number
  readonly memoryBytes: number
  readonly disks: readonly VmDisk[]
  readonly interfaces: readonly VmInterface[]
  readonly obstacles: readonly string[]
  readonly cpuFeatures: readonly string[]
  guestState: string
  /** By slot, since it came to its host. */
  readonly writes: Map<string, DiskWrites>
}

export type SimulatedVmInit = Partial<SimulatedVm> & Pick<SimulatedVm, 'id'>

export interface SimulatedHostInit {
  readonly memoryBytes?: number
  readonly networks?: readonly string[]
  readonly cpuFeatures?: readonly string[]
}

/**
 * What can go wrong, by name. Each happens once (or `times`), on the host it was injected into.
 * Fractions are of the memory sent.
 */
export type HypervisorFault =
  /** The link's or hypervisor's own failure; the VM runs on. */
  | { readonly name: 'send-fails'; readonly fraction: number }
  /** Nothing is sent any more until the send is aborted or its deadline passes. */
  | { readonly name: 'send-hangs'; readonly fraction: number }
  | { readonly name: 'guest-shuts-down'; readonly fraction: number }
  /** A guest that is asked to shut down or to reboot does nothing. */
  | { readonly name: 'guest-ignores-button' }
  | { readonly name: 'receive-refused' }
  | { readonly name: 'receive-fails' }
  | { readonly name: 'finish-fails' }
  | { readonly name: 'start-refused' }
  /** The guest crashes as soon as it runs; `start` knows nothing of it. */
  | { readonly name: 'start-crashes' }
  /** The VM runs, but `start` rejects. */
  | { readonly name: 'start-uncertain' }
  | { readonly name: 'resume-fails' }
  | { readonly name: 'forget-fails' }
  | { readonly name: 'list-fails' }
export type HypervisorFaultName = HypervisorFault['name']

/** All hosts of a simulation and the VMs on them. It sees every change, so it knows when a VM ran twice. */
export interface HypervisorWorld {
  addHost(host: string, init?: SimulatedHostInit): void
  addVm(host: string, init: SimulatedVmInit): SimulatedVm
  host(host: string): SimulatedHost
  /** Hosts on which the VM runs at this moment. */
  runningAt(vm: string): readonly string[]
  /** Hosts that hold the VM in any state, half-built copies included. */
  presentAt(vm: string): readonly string[]
  /** Each moment at which a VM ran in two places. Must stay empty. */
  readonly violations: readonly string[]
  setState(host: string, vm: string, state: VmState): void
  /** The guest has written to a disk, so many times, for so long. */
  addWrites(host: string, vm: string, writes: DiskWrites): void
  remove(host: string, vm: string): void
  injectFault(host: string, fault: HypervisorFault, times?: number): void
  /** The fault of this name that is due here; it is used up by the call. */
  takeFault<Name extends HypervisorFaultName>(
    host: string,
    name: Name,
    isDue?: (fault: Extract<HypervisorFault, { name: Name }>) => boolean,
  ): Extract<HypervisorFault, { name: Name }> | null
  watch(host: string, listener: () => void): () => void
  /** Adds or replaces a VM without a check of what it holds; for drivers. */
  put(host: string, vm: SimulatedVm): void
  /** Half-built copies: not listed, not running. */
  incoming(host: string): Map<string, SimulatedVm>
  /** VMs whose half-built copies have gone without ever having run here. Known until the host is started anew. */
  neverRan(host: string): Set<string>
}

export interface SimulatedHost {
  readonly name: string
  readonly memoryBytes: number
  readonly networks: readonly string[]
  readonly cpuFeatures: readonly string[]
  readonly vms: Map<string, SimulatedVm>
}

interface HostRecord extends SimulatedHost {
  readonly incoming: Map<string, SimulatedVm>
  readonly neverRan: Set<string>
  readonly listeners: Set<() => void>
  readonly faults: { readonly fault: HypervisorFault; times: number }[]
}

export function createHypervisorWorld(): HypervisorWorld {
  const hosts = new Map<string, HostRecord>()
  const violations: string[] = []

  const record = (host: string): HostRecord => {
    const found = hosts.get(host)
    if (found === undefined) throw new Error(`the simulated world has no host ${host}`)
    return found
  }
  const runningAt = (vm: string) =>
    [...hosts.values()].filter((h) => h.vms.get(vm)?.state === 'running').map((h) => h.name)
  const changed = (host: HostRecord, vm: string) => {
    const running = runningAt(vm)
    if (running.length > 1) violations.push(`${vm} runs on ${running.join(' and ')}`)
    for (const listener of host.listeners) listener()
  }

  return {
    violations,
    runningAt,
    presentAt: (vm) =>
      [...hosts.values()].filter((h) => h.vms.has(vm) || h.incoming.has(vm)).map((h) => h.name),
    host: record,
    incoming: (host) => record(host).incoming,
    neverRan: (host) => record(host).neverRan,
    addHost(name, init = {}) {
      const { memoryBytes = 8 * GiB, networks = ['xenbr0'], cpuFeatures = ['sse4.2'] } = init
      const own = { vms: new Map(), incoming: new Map(), neverRan: new Set<string>() }
      const hooks = { listeners: new Set<() => void>(), faults: [] }
      hosts.set(name, { name, memoryBytes, networks, cpuFeatures, ...own, ...hooks })
    },
    addVm(host, init) {
      const vm = { ...defaultVm(init.id), ...init }
      this.put(host, vm)
      return vm
    },
    put(host, vm) {
      record(host).vms.set(vm.id, vm)
      record(host).neverRan.delete(vm.id)
      changed(record(host), vm.id)
    },
    setState(host, vm, state) {
      const found = record(host).vms.get(vm)
      if (found === undefined) throw new Error(`the simulated host ${host} has no VM ${vm}`)
      found.state = state
      changed(record(host), vm)
    },
    addWrites(host, vm, { slot, count, tookUs }) {
      const writes = record(host).vms.get(vm)?.writes
      const before = writes?.get(slot) ?? { count: 0, tookUs: 0 }
      writes?.set(slot, { slot, count: before.count + count, tookUs: before.tookUs + tookUs })
    },
    remove(host, vm) {
      record(host).vms.delete(vm)
      changed(record(host), vm)
    },
    injectFault(host, fault, times = 1) {
      record(host).faults.push({ fault, times })
    },
    takeFault(host, name, isDue = () => true) {
      const { faults } = record(host)
      for (const entry of faults) {
        if (entry.times === 0 || !hasName(entry.fault, name) || !isDue(entry.fault)) continue
        entry.times -= 1
        return entry.fault
      }
      return null
    },
    watch(host, listener) {
      const { listeners } = record(host)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function hasName<Name extends HypervisorFaultName>(
  fault: HypervisorFault,
  name: Name,
): fault is Extract<HypervisorFault, { name: Name }> {
  return fault.name === name
}

function defaultVm(id: string): SimulatedVm {
  return {
    id,
    name: id,
    state: 'running',
    vcpus: 1,
    memoryBytes: 1_000_000,
    disks: [],
    interfaces: [],
    obstacles: [],
    cpuFeatures: [],
    guestState: '',
    writes: new Map(),
  }
}
