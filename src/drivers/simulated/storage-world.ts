import type { Clock } from '../../ports/clock.ts'
import { createFaults, type Faults } from './faults.ts'
import type { MirrorPair } from './mirror-pair.ts'

/** A volume with contents: what was last written to a block, by its number. */
export interface SimulatedVolume {
  readonly id: string
  readonly name: string
  readonly sizeBytes: number
  readonly managed: boolean
  readonly blocks: Map<number, string>
}

/** Where the volumes of an SR are; one array in the SRs of several hosts is shared storage. */
export interface SimulatedArray {
  readonly name: string
  sizeBytes: number
  readonly volumes: Map<string, SimulatedVolume>
  /** Volumes that do not come back at a boot by themselves. */
  readonly fenced: Set<string>
}

/**
 * How a VM's device behaves at the moment. `standby`: there, and not to be written before `take`;
 * `held`: what comes waits; `fenced`: what comes fails.
 */
export type DeviceMode = 'volume' | 'mirror' | 'standby' | 'held' | 'fenced'

export interface SimulatedDevice {
  readonly vdi: string
  readonly path: string
  volume: SimulatedVolume
  readonly adopted: boolean
  mode: DeviceMode
  /** A guest on this host has written through it. */
  hasWritten: boolean
  /** Called when held I/O may look again. */
  readonly waiting: (() => void)[]
}

/** A host's kernel: it outlives the storage manager, and not a reboot. */
export interface SimulatedKernel {
  readonly host: string
  readonly faults: Faults
  /** Attached volumes by the path of their block device. */
  readonly attached: Map<string, SimulatedVolume>
  /** The VMs' devices by VDI. */
  readonly devices: Map<string, SimulatedDevice>
}

export interface StorageWorldOptions {
  readonly clock: Clock
  /** A full copy is made in so many steps of so many milliseconds. */
  readonly syncSteps?: number
  readonly syncStepMs?: number
}

/** All disks, kernels and links of a simulation. It sees everything, so it knows when a rule was broken. */
export interface StorageWorld {
  readonly clock: Clock
  readonly syncSteps: number
  readonly syncStepMs: number
  readonly arrays: Map<string, SimulatedArray>
  readonly pairs: Map<string, MirrorPair>
  /** Each moment at which two sides of a disk were writable. Must stay empty. */
  readonly violations: string[]
  /** Called when all that has been written to a volume is brought onto its disk. */
  readonly flushListeners: Set<(volume: SimulatedVolume) => void>
  kernel(host: string): SimulatedKernel
  kernels(): readonly SimulatedKernel[]
  array(name: string, sizeBytes?: number): SimulatedArray
  /** Adds a volume that the administrator made. */
  addVolume(array: string, volume: { id: string; name?: string; sizeBytes: number }): void
  isLinkUp(a: string, b: string): boolean
  cutLink(a: string, b: string): void
  mendLink(a: string, b: string): void
  /** While held, a copy does not go on. */
  holdSync(isHeld: boolean): void
  readonly isSyncHeld: boolean
  /** Resolves at the next change of a link or of the hold. */
  changed(): Promise<void>
  /** The host loses its kernel's state; arrays keep theirs. */
  reboot(host: string): void
}

export const simulatedBlockBytes = 4096
const defaultArrayBytes = 1_000_000_000_000

export function createStorageWorld(options: StorageWorldOptions): StorageWorld {
  const kernels = new Map<string, SimulatedKernel>()
  const arrays = new Map<string, SimulatedArray>()
  const pairs = new Map<string, MirrorPair>()
  const cutLinks = new Set<string>()
  let isSyncHeld = false
  let waiting: (() => void)[] = []

  const link = (a: string, b: string) => [a, b].sort().join('-')
  const announce = () => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
    for (const pair of pairs.values()) pair.announce()
  }

  return {
    clock: options.clock,
    syncSteps: options.syncSteps ?? 4,
    syncStepMs: options.syncStepMs ?? 1,
    arrays,
    pairs,
    violations: [],
    flushListeners: new Set(),
    kernels: () => [...kernels.values()],
    kernel(host) {
      const known = kernels.get(host)
      if (known) return known
      const made: SimulatedKernel = {
        ...{ host, faults: createFaults() },
        ...{ attached: new Map(), devices: new Map() },
      }
      kernels.set(host, made)
      return made
    },
    array(name, sizeBytes = defaultArrayBytes) {
      const known = arrays.get(name)
      if (known) return known
      const made: SimulatedArray = { name, sizeBytes, volumes: new Map(), fenced: new Set() }
      arrays.set(name, made)
      return made
    },
    addVolume(array, { id, name = id, sizeBytes }) {
      const volume = { id, name, sizeBytes, managed: false, blocks: new Map() }
      this.array(array).volumes.set(id, volume)
    },
    isLinkUp: (a, b) => !cutLinks.has(link(a, b)),
    cutLink(a, b) {
      cutLinks.add(link(a, b))
      announce()
    },
    mendLink(a, b) {
      cutLinks.delete(link(a, b))
      announce()
    },
    holdSync(isHeld) {
      isSyncHeld = isHeld
      announce()
    },
    get isSyncHeld() {
      return isSyncHeld
    },
    changed: () => new Promise((resolve) => void waiting.push(resolve)),
    reboot(host) {
      const kernel = this.kernel(host)
      kernel.attached.clear()
      kernel.devices.clear()
      kernel.faults.recover()
      for (const pair of pairs.values()) pair.lose(host)
      announce()
    },
  }
}
