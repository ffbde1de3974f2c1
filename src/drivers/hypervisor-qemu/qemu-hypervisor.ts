import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { unusableFiles } from '../../lib/allowed-path.ts'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmFacts } from '../../model/vm.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import { cpuPolicyOf, missingHere } from './cpu-models.ts'
import { diskWrites } from './disk-writes.ts'
import { cpuModel, memoryFacts } from './host-facts.ts'
import { receiveVm } from './incoming-vm.ts'
import { explainEnd, findByName, findVm, listVms } from './list-vms.ts'
import { createMonitors } from './monitors.ts'
import { networkTypesOf } from './network-types.ts'
import { sendVm } from './outgoing-vm.ts'
import { pauseVm, rebootVm, resetVm, shutdownVm, unpauseVm } from './power.ts'
import { destroyProcess } from './process.ts'
import { type Accelerator, proveKvm } from './prove-kvm.ts'
import {
  defaultQemuLimits,
  type QemuContext,
  type QemuLimits,
  type QemuNetworks,
} from './qemu-context.ts'
import { createQemuProbe } from './qemu-probe.ts'
import { parseDetails, parseQemuVm } from './qemu-vm.ts'
import { bringToRun, isMigrating } from './run-state.ts'
import { startIncoming } from './start-incoming.ts'
import { startVm } from './start-vm.ts'
import { assertShortEnough, incomingMark, vmFolder } from './vm-folder.ts'
import { watchFolders } from './watch-folders.ts'

export interface QemuHypervisorOptions {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  /** VMs live in a folder `qemu` below it; short, since a socket's path has at most 107 characters. */
  readonly runtimeDirectory: string
  /** By the name that users know them by. */
  readonly networks: QemuNetworks
  /** Kernels and initrds that guests boot may lie here, and nowhere else. */
  readonly kernelDirectories?: readonly string[]
  /** `auto`: KVM where a guest has been seen to run under it, emulation elsewhere. */
  readonly accelerator?: 'auto' | Accelerator
  /** Name or path of QEMU. */
  readonly command?: string
  readonly limits?: Partial<QemuLimits>
}

export interface QemuHypervisor extends Hypervisor {
  /** Lets go of all VMs, which run on. */
  close(): void
}

const qemu = 'qemu'

/** Runs each VM in a QEMU of its own, which outlives this daemon and is found again by its folder. */
export function createQemuHypervisor(options: QemuHypervisorOptions): QemuHypervisor {
  const context = contextOf(options)
  const { monitors, probe, networks, lock, directory } = context

  return {
    capabilities: {
      type: qemu,
      sendsAfterHandover: false,
      diskSlotPrefix: 'vd',
      deviceKinds: ['block', 'nbd'],
      tunesMemory: true,
      countsWrites: true,
      resets: true,
    },
    async host() {
      const [version, memory] = await Promise.all([probe.version(), memoryFacts()])
      return { hypervisor: qemu, version, ...memory, cpuModel: cpuModel() }
    },
    networks: async () => Object.keys(networks).map((name) => ({ name })),
    list: async () => (await listVms(context)).map(({ facts }) => facts),
    find: (idOrName) => findByName(context, idOrName),
    watch(listener) {
      const stops = [monitors.watch(listener), watchFolders(directory, listener)]
      // A VM is heard of only through its monitor. Whatever is wrong here, `list` will say.
      listVms(context).catch(() => {})
      return () => {
        for (const stop of stops) stop()
      }
    },
    async configuration(id) {
      const { vm, facts } = await findVm(context, id)
      const { details } = vm
      const cpuPolicy = await cpuPolicyOf(probe, vm.accelerator, details.cpu)
      return { ...facts, hypervisor: qemu, details, cpuPolicy }
    },
    async missingCpuFeatures(configuration) {
      const details = parseDetails(configuration)
      return missingHere(probe, await context.accelerator(), details, configuration.cpuPolicy)
    },
    async unusableBootFiles(configuration) {
      const { boot } = parseDetails(configuration)
      const files = 'kernel' in boot ? [boot.kernel, boot.initrd] : []
      const unusable = await unusableFiles(
        files.filter((file) => file !== undefined),
        context.kernelDirectories,
      )
      // The program that receives a VM is given them when it starts.
      return unusable.map((file) => ({ ...file, isRefused: true }))
    },
    start: (wanted) => startVm(context, wanted),
    async send(id, stream, sendOptions) {
      const { facts, qmp } = await findVm(context, id)
      requireRunning(facts)
      if ((await isMigrating(context, qmp)) || context.sending.has(id))
        throw new CrosspoolError('BUSY', { kind: 'vm', id, user: 'another migration' })
      return sendVm(context, id, stream, sendOptions)
    },
    async receive(configuration, stream) {
      const details = parseDetails(configuration)
      const { id, name, vcpus, memoryBytes, disks, interfaces } = configuration
      const common = { id, name, vcpus, memoryBytes, disks, interfaces }
      const networkTypes = networkTypesOf(context.networks, interfaces, details.networkTypes)
      const accelerator = await context.accelerator()
      const vm = parseQemuVm({ ...common, accelerator, details: { ...details, networkTypes } })
      return receiveVm(context, vm, stream)
    },
    diskWrites: (id) => diskWrites(context, id),
    // Its devices came with its memory.
    untilConnected: async () => {},
    async resume(id) {
      if (await incomingMark(vmFolder(directory, id))) return await startIncoming(context, id)
      const { qmp } = await findVm(context, id).catch((error) => explainEnd(context, id, error))
      await bringToRun(context, id, qmp)
      // Of a sender that ended with its program; it is not asked any more.
      await rm(vmFolder(directory, id).memory, { force: true })
    },
    shutdown: (id) => shutdownVm(context, id),
    reboot: (id, how) => (how === 'hard' ? resetVm : rebootVm)(context, id),
    pause: (id) => pauseVm(context, id),
    unpause: (id) => unpauseVm(context, id),
    async destroy(id) {
      await lock.run([id], () => destroyProcess(context, vmFolder(directory, id)))
      monitors.changed()
    },
    close: () => monitors.close(),
  }
}

function contextOf(options: QemuHypervisorOptions): QemuContext {
  const { commandRunner, accelerator = 'auto', command = 'qemu-system-x86_64' } = options
  const { kernelDirectories = [] } = options
  // QEMU changes its own directory when it leaves ours.
  const directory = resolve(join(options.runtimeDirectory, 'qemu'))
  assertShortEnough(directory)
  const limits = { ...defaultQemuLimits, ...options.limits }
  let chosen: Promise<Accelerator> | null = null

  async function choose(): Promise<Accelerator> {
    if (accelerator !== 'auto') return accelerator
    return (await proveKvm(commandRunner, command, directory, limits.proofMs)) ? 'kvm' : 'tcg'
  }

  return {
    ...{ commandRunner, command, clock: options.clock, networks: options.networks },
    ...{ directory, kernelDirectories, limits },
    monitors: createMonitors(options.clock, directory, limits.answerMs),
    probe: createQemuProbe(commandRunner, command),
    lock: createKeyedLock(),
    launching: new Set(),
    names: new Map(),
    sending: new Set(),
    accelerator() {
      chosen ??= choose()
      return chosen
    },
  }
}

function requireRunning({ id, state }: VmFacts): void {
  if (state === 'running') return
  const details = { kind: 'vm', id, state, operation: 'send', needed: 'running' }
  throw new CrosspoolError('WRONG_STATE', details)
}
