import {
  createHypervisorWorld,
  type HypervisorWorld,
} from '../../src/drivers/simulated/hypervisor-world.ts'
import {
  createStorageWorld,
  type SimulatedVolume,
  type StorageWorld,
} from '../../src/drivers/simulated/storage-world.ts'
import { saveVmRecord } from '../../src/engine/migration/vm-records.ts'
import { MiB } from '../../src/lib/units.ts'
import type { VmDefinition } from '../../src/model/vm.ts'
import { createFateDealer } from './fates.ts'
import { Network } from './network.ts'
import type { Scenario } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { createSeededRandom, type SeededRandom } from './seeded-random.ts'
import { type Mutation, WholeHost } from './whole-host.ts'

export type HostName = 'one' | 'two'
export const hostNames: readonly [HostName, HostName] = ['one', 'two']

export interface Course {
  readonly source: HostName
  readonly destination: HostName
}

export function courseFrom(source: HostName): Course {
  return { source, destination: source === 'one' ? 'two' : 'one' }
}

export const vm = 'database'
export const bystanders = { one: 'bystander-one', two: 'bystander-two' } as const
const sharedSr = '11111111-1111-4111-8111-111111111111'
const sizeBytes = 8 * MiB

/** Two hosts of two pools, whole: four daemons over simulated disks, kernels, hypervisors, links and time. */
export class TwoHosts {
  readonly scheduler: Scheduler
  readonly random: SeededRandom
  readonly disks: StorageWorld
  readonly vms: HypervisorWorld = createHypervisorWorld()
  readonly network: Network
  readonly hosts: Readonly<Record<HostName, WholeHost>>
  /** Who migrates, and to whom. */
  course: Course = courseFrom('one')
  readonly trace: { readonly atMs: number; readonly event: string }[] = []
  /** What a crash, a partition or the like is told to at each point; nothing happens during the set-up. */
  onPoint: (daemon: string, act: string, moment: 'before' | 'after') => void = () => {}
  onTake: () => void = () => {}
  #isSetUp = false

  constructor(scenario: Scenario, mutation: Mutation | null) {
    this.random = createSeededRandom(scenario.seed)
    this.scheduler = new Scheduler(this.random.fork('scheduler'))
    this.disks = createStorageWorld({ clock: this.scheduler.clock, syncSteps: 3, syncStepMs: 8 })
    const dealFate = createFateDealer(scenario.network, this.random.fork('network'))
    this.network = new Network({
      scheduler: this.scheduler,
      fateOf: (call) => dealFate(call, this.#isSetUp),
      isLinkUp: (a, b) => this.disks.isLinkUp(a, b),
      linkChanged: () => this.disks.changed(),
      trace: (event) => this.note(event),
    })
    const ids = this.random.fork('identifiers')
    const makeHost = (name: HostName, pool: string) => {
      this.vms.addHost(name)
      return new WholeHost({
        ...{ name, pool, mutation, scheduler: this.scheduler, random: ids },
        ...{ disks: this.disks, vms: this.vms, network: this.network },
        style: scenario.style,
        toolstackOf: (host) => this.host(host).toolstack,
        storageOf: (host) => this.host(host).storage,
        onTake: () => this.onTake(),
        onPoint: (...point) => {
          if (this.#isSetUp) this.onPoint(...point)
        },
        turn: () => (this.#isSetUp ? this.scheduler.turn() : Promise.resolve()),
      })
    }
    this.hosts = { one: makeHost('one', 'alpha'), two: makeHost('two', 'beta') }
  }

  host(name: string): WholeHost {
    if (name === 'one' || name === 'two') return this.hosts[name]
    throw new Error(`there is no host ${name}`)
  }

  note(event: string): void {
    this.trace.push({ atMs: this.scheduler.elapsedMs, event })
  }

  /** The VM on its disks, a VM that is none of our business on each host, and volumes of the administrator's. */
  async setUp(kind: Scenario['disks']): Promise<readonly string[]> {
    for (const name of hostNames) await this.#setUpHost(name)
    const one = this.#storage('one')
    const slots = new Map<string, string>()
    if (kind !== 'shared') {
      const { id: sr = '' } = (await one.listSrs()).find(({ name }) => name === 'local') ?? {}
      const { id } = await one.createVdi({ sr, name: 'root', sizeBytes })
      slots.set('xvda', await this.#activate(id))
    }
    if (kind !== 'replicated') slots.set('xvdb', await this.#activate('shared-disk'))
    if (kind === 'mixed') slots.set('xvdc', devicePath('one', 'adopted-disk'))
    const disks = [...slots].map(([slot, device]) => ({ slot, device, readOnly: false }))
    this.vms.addVm('one', { id: vm, disks, memoryBytes: 10_000, guestState: '0' })
    await this.#record(disks.map(({ device }) => device))
    this.#isSetUp = true
    return [...slots.keys()]
  }

  /** Volumes of the administrator's and who has them; what is written on them stays. */
  administratorsVolumes(): readonly { readonly array: string; readonly volume: SimulatedVolume }[] {
    return [...this.disks.arrays.values()].flatMap((array) =>
      [...array.volumes.values()]
        .filter(({ managed }) => !managed)
        .map((volume) => ({ array: array.name, volume })),
    )
  }

  /** The administrator's volumes are found again after a restart of the host, before any daemon runs. */
  attachAdministratorsVolumes(name: HostName): void {
    const array = this.disks.array(`admin-${name}`)
    for (const volume of array.volumes.values()) {
      if (array.fenced.has(volume.id)) continue
      this.disks.kernel(name).attached.set(devicePath(name, volume.id), volume)
    }
  }

  volumesOf(name: HostName): readonly SimulatedVolume[] {
    return [...this.disks.arrays.values()]
      .filter((array) => array.name === `admin-${name}` || array.name === `local-${name}`)
      .flatMap((array) => [...array.volumes.values()])
  }

  async #setUpHost(name: HostName): Promise<void> {
    for (const id of ['shared-disk', 'precious-shared'])
      if (name === 'one') this.disks.addVolume('san', { id, sizeBytes })
    const admin = `admin-${name}`
    for (const id of name === 'one' ? ['adopted-disk', 'precious-one'] : ['precious-two'])
      this.disks.addVolume(admin, { id, sizeBytes })
    this.attachAdministratorsVolumes(name)
    await this.hosts[name].start()
    const storage = this.#storage(name)
    const other = name === 'one' ? { name: 'two', pool: 'beta' } : { name: 'one', pool: 'alpha' }
    const { service } = this.hosts[name].toolstack
    await service?.toolstack.hosts.note({ ...other, url: `http://${other.name}` })
    const type = 'simulated'
    const shared = { array: 'san', shared: true, canCreate: false }
    await storage.createSr({ id: sharedSr, name: 'san', type, configuration: shared })
    await storage.createSr({ name: 'local', type, configuration: { array: `local-${name}` } })
    const own = { array: admin, canCreate: false }
    await storage.createSr({ name: 'admin', type, configuration: own })
    for (const { volume } of this.administratorsVolumes()) volume.blocks.set(99, volume.id)
    const device = devicePath(name, `precious-${name}`)
    const disks = [{ slot: 'xvda', device, readOnly: false }]
    this.vms.addVm(name, { id: bystanders[name], disks, memoryBytes: 10_000 })
  }

  /** As if the toolstack of the source had started it. */
  async #record(devices: readonly string[]): Promise<void> {
    const found = await Promise.all(
      devices.map((device) => this.#storage('one').listVdis({ device })),
    )
    const definition: VmDefinition = {
      ...{ id: vm, name: vm, vcpus: 1, memoryBytes: 10_000, boot: { disk: true } },
      disks: found.flatMap(([vdi]) => (vdi ? [{ vdi: vdi.id, readOnly: false }] : [])),
      interfaces: [],
    }
    await saveVmRecord(this.hosts.one.toolstackStore, { definition, isActive: true })
  }

  async #activate(id: string): Promise<string> {
    await this.#storage('one').attach(id)
    const { device } = await this.#storage('one').activate(id)
    if (device === null) throw new Error(`VDI ${id} has no device`)
    return device
  }

  #storage(name: HostName) {
    const { service } = this.hosts[name].storage
    if (!service) throw new Error(`the storage manager of ${name} does not serve`)
    return service
  }
}

function devicePath(host: HostName, volume: string): string {
  return `/dev/admin-${host}/${volume}`
}
