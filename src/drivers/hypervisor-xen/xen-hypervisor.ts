import { unusableFiles } from '../../lib/allowed-path.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Network } from '../../model/host.ts'
import type { VmFacts } from '../../model/vm.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import { untilConnected } from './backends.ts'
import { featuresBeyond, parseCpuPolicies } from './cpu-policy.ts'
import { diskWrites } from './disk-writes.ts'
import { installHotplugScripts } from './hotplug-scripts.ts'
import { receiveDomain, settleReceivedDomain } from './incoming-domain.ts'
import { createIncomingMarks } from './incoming-mark.ts'
import { tellingOfShortage } from './memory-shortage.ts'
import { sendDomain } from './outgoing-domain.ts'
import { type DomainLine, parseBridges, parseDomainConfigurations } from './parse-domain-list.ts'
import { parseHostInfo } from './parse-host-info.ts'
import type { Fields } from './plain-data.ts'
import { pauseDomain, rebootDomain, shutdownDomain, unpauseDomain } from './power.ts'
import { domainType, obstaclesOf, readDomainConfiguration } from './read-domain-configuration.ts'
import { createReceiveTurns } from './receive-turns.ts'
import { requireKernels } from './require-kernels.ts'
import { endLeftSenders, reviveDomain } from './revive-domain.ts'
import { startDomain } from './start-domain.ts'
import { watchDomains } from './watch-domains.ts'
import {
  bootFilesOf,
  detailsSchema,
  writeDomainConfiguration,
} from './write-domain-configuration.ts'
import { defaultXenLimits, destroyDomains, listDomains, type XenLimits } from './xen-context.ts'

export interface XenHypervisorOptions {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  readonly random: Random
  /** Kernels that guests boot may lie here, and nowhere else. */
  readonly kernelDirectories?: readonly string[]
  /** A folder of our own for sockets; short, since a socket's path has at most 107 characters. */
  readonly runtimeDirectory: string
  /**
   * A lasting folder for hotplug scripts that shorten the pause of an incoming VM; see
   * hotplug-scripts.ts. Left out: Xen's own are used.
   */
  readonly hotplugDirectory?: string
  readonly limits?: Partial<XenLimits>
}

/** Drives Xen through an unmodified xl. One domain for each VM: found by its UUID, not by its name. */
export function createXenHypervisor(options: XenHypervisorOptions): Hypervisor {
  const { commandRunner, clock } = options
  const context = {
    ...options,
    limits: { ...defaultXenLimits, ...options.limits },
    kernelDirectories: options.kernelDirectories ?? [],
    incomingMarks: createIncomingMarks(options.runtimeDirectory),
    sending: new Set<string>(),
  }
  const takeTurn = createReceiveTurns()
  const output = async (command: string, args: readonly string[]) =>
    (await commandRunner.run(command, args)).stdout

  const hostInfo = async () => parseHostInfo(await output('xl', ['info']))
  let capabilities: Promise<readonly string[]> | null = null
  // What the CPU and this build of Xen can do does not change while they run.
  function hostCapabilities(): Promise<readonly string[]> {
    capabilities ??= hostInfo().then((info) => info.capabilities)
    capabilities.catch(() => {
      capabilities = null
    })
    return capabilities
  }

  async function listVms(): Promise<readonly XenVm[]> {
    // Configurations first: a domain that comes in between is only missed, and seen next time.
    const configurations = parseDomainConfigurations(await output('xl', ['list', '-l']))
    const host = await hostCapabilities()
    return settledDomains(await listDomains(context)).flatMap((domain) => {
      const configuration = configurations.get(domain.domid)
      if (configuration === undefined) return []
      const { uuid: id, name, state, domid } = domain
      const obstacles = obstaclesOf(configuration, host)
      const facts = { id, name, state, ...readDomainConfiguration(configuration), obstacles }
      return [{ domid, configuration, facts }]
    })
  }

  async function findDomain(vm: string): Promise<DomainLine> {
    const domain = settledDomains(await listDomains(context)).find(({ uuid }) => uuid === vm)
    return domain ?? notFound(vm)
  }

  return {
    capabilities: {
      ...{ type: xen, sendsAfterHandover: false, tunesMemory: false, resets: false },
      ...{ countsWrites: true },
      ...{ diskSlotPrefix: 'xvd', deviceKinds: ['block'] },
    },
    async host() {
      const { version, memoryBytes, freeMemoryBytes } = await hostInfo()
      const cpu = await output('grep', ['-m1', 'model name', '/proc/cpuinfo'])
      const cpuModel = cpu.slice(cpu.indexOf(':') + 1).trim()
      return { hypervisor: xen, version, memoryBytes, freeMemoryBytes, cpuModel }
    },
    async networks(): Promise<readonly Network[]> {
      const bridges = await output('ip', ['-j', 'link', 'show', 'type', 'bridge'])
      return parseBridges(bridges).map((name) => ({ name }))
    },
    list: async () => (await listVms()).map(({ facts }) => facts),
    async find(idOrName) {
      const vms = (await listVms()).map(({ facts }) => facts)
      const found = vms.find(({ id }) => id === idOrName)
      return found ?? vms.find(({ name }) => name === idOrName) ?? null
    },
    watch: (listener) => watchDomains(commandRunner, clock, listener),
    async configuration(vm) {
      const found = (await listVms()).find(({ facts }) => facts.id === vm) ?? notFound(vm)
      const { domid, facts, configuration: domain } = found
      const policies = parseCpuPolicies(await output('xen-cpuid', ['-p', String(domid)]))
      const cpuPolicy = { ...policies.get(`Domain ${domid}`) }
      return { ...facts, hypervisor: xen, details: { domain }, cpuPolicy }
    },
    async missingCpuFeatures(vm) {
      const details = detailsSchema.safeParse(vm.details)
      const type = details.success ? domainType(details.data.domain) : 'hvm'
      const policies = parseCpuPolicies(await output('xen-cpuid', ['-p']))
      return featuresBeyond(vm.cpuPolicy, policies.get(type === 'pv' ? 'PV Max' : 'HVM Max') ?? {})
    },
    async unusableBootFiles(vm) {
      const unusable = await unusableFiles(bootFilesOf(vm), context.kernelDirectories)
      return unusable.map((file) => ({ ...file, isRefused: !file.isAllowed }))
    },
    start: async (vm) => startDomain(context, vm, async () => (await hostInfo()).freeMemoryBytes),
    async send(vm, stream, sendOptions) {
      const domain = await findDomain(vm)
      const { state } = domain
      if (state === 'running') return sendDomain(context, domain, stream, sendOptions)
      const details = { kind: 'vm', id: vm, state, operation: 'send', needed: 'running' }
      throw new CrosspoolError('WRONG_STATE', details)
    },
    async receive(vm, stream) {
      const { hotplugDirectory } = options
      await requireKernels(bootFilesOf(vm), context.kernelDirectories)
      const scripts = hotplugDirectory ? await installHotplugScripts(hotplugDirectory) : undefined
      const domain = { uuid: vm.id, configuration: writeDomainConfiguration(vm, scripts) }
      const incoming = receiveDomain(context, domain, stream, takeTurn)
      return tellingOfShortage(incoming, vm, async () => (await hostInfo()).freeMemoryBytes)
    },
    shutdown: (vm) => shutdownDomain(context, vm),
    reboot: (vm, how) => rebootDomain(context, vm, how),
    pause: (vm) => pauseDomain(context, vm),
    unpause: (vm) => unpauseDomain(context, vm),
    async destroy(vm) {
      await endLeftSenders(context, vm)
      await destroyDomains(context, ({ uuid }) => uuid === vm)
      await context.incomingMarks.remove(vm)
    },
    diskWrites: (_vm, disks) => diskWrites(disks),
    untilConnected: (_vm, disks) => untilConnected(clock, disks),
    async resume(vm) {
      if (await settleReceivedDomain(context, vm)) return
      await endLeftSenders(context, vm)
      await reviveDomain(context, await findDomain(vm))
    },
  }
}

const xen = 'xen'

interface XenVm {
  readonly domid: number
  readonly configuration: Fields
  readonly facts: VmFacts
}

function notFound(vm: string): never {
  throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: vm })
}

/**
 * The VMs of this host: a half-built copy is none yet. Where a VM moves within one host, the domain
 * that runs counts.
 */
function settledDomains(domains: readonly DomainLine[]): readonly DomainLine[] {
  const settled = new Map<string, DomainLine>()
  for (const domain of domains) {
    const known = settled.get(domain.uuid)
    if (domain.isIncoming || known?.state === 'running') continue
    settled.set(domain.uuid, domain)
  }
  return [...settled.values()]
}
