import { type CrosspoolError, isCrosspoolError } from '../../src/model/errors.ts'
import type { DiskCaches } from './disk-caches.ts'
import type { PlannedEvent } from './scenario.ts'
import { type HostName, hostNames, type TwoHosts, vm } from './two-hosts.ts'
import type { WritingGuest } from './writing-guest.ts'

export interface InjectorParts {
  readonly cluster: TwoHosts
  readonly guest: WritingGuest
  readonly caches: DiskCaches
  readonly events: readonly PlannedEvent[]
  /** Called before a host has lost anything. */
  readonly onPowerLoss: (host: HostName) => void
  readonly onGuestEnd: () => void
}

/** Lets the planned events happen, each at its point, and mends afterwards what they broke. */
export class FaultInjector {
  /** The daemon of each point, in order. */
  readonly points: string[] = []
  readonly #ownPoints = new Map<string, number>()
  readonly #parts: InjectorParts
  readonly #random
  #planned: readonly PlannedEvent[]
  #unmended = 0
  #isStopped = false
  #operation: string | null = null

  constructor(parts: InjectorParts) {
    this.#parts = parts
    this.#planned = parts.events
    this.#random = parts.cluster.random.fork('power')
    parts.cluster.onPoint = (...point) => this.#onPoint(...point)
  }

  /** How many points came before the migration that is looked at; null until it sets out. */
  setsOutAtPoint: number | null = null

  /** Nothing is broken at the moment. */
  get isMended(): boolean {
    return this.#unmended === 0
  }

  migrates(operation: string): void {
    this.#operation = operation
  }

  setsOut(): void {
    this.setsOutAtPoint = this.points.length
  }

  /** From here on nothing more happens, and no point is counted. */
  stop(): void {
    this.#planned = []
    this.#isStopped = true
  }

  #onPoint(daemon: string, act: string, moment: 'before' | 'after'): void {
    const { cluster } = this.#parts
    if (moment === 'before') cluster.note(`${daemon} ${act}`)
    if (this.#isStopped) return
    this.points.push(daemon)
    const own = (this.#ownPoints.get(daemon) ?? 0) + 1
    this.#ownPoints.set(daemon, own)
    const here = this.#planned.filter(({ atPoint, daemon: of }) =>
      of === null ? atPoint <= this.points.length : of === daemon && atPoint <= own,
    )
    if (here.length === 0) return
    this.#planned = this.#planned.filter((event) => !here.includes(event))
    for (const event of here) {
      cluster.note(`** ${event.what} ${moment} ${act} of ${daemon}`)
      this.#happen(event, daemon)
    }
  }

  #happen({ what, forMs }: PlannedEvent, daemonName: string): void {
    const { cluster } = this.#parts
    const { source, destination } = cluster.course
    const host = hostNames.find((name) => daemonName.endsWith(name)) ?? source
    if (what === 'crash-daemon') this.#crash(host, daemonName, forMs)
    else if (what === 'lose-power') this.#losePower(host, forMs)
    else if (what === 'cut-link') this.#cutLink(forMs)
    else if (what === 'cancel') void this.#cancel()
    else if (what === 'guest-shutdown') this.#endGuest('shutdown', null)
    else if (what === 'guest-crash') this.#endGuest('crashed', null)
    else if (what === 'guest-reboot') this.#endGuest('shutdown', forMs)
    else if (what === 'send-fails') cluster.vms.injectFault(source, { name: what, fraction: 0.5 })
    else if (what === 'receive-fails') cluster.vms.injectFault(destination, { name: what })
    else if (what === 'start-refused') cluster.vms.injectFault(destination, { name: what })
    else if (what === 'start-uncertain') cluster.vms.injectFault(destination, { name: what })
    else cluster.vms.injectFault(source, { name: what })
  }

  #crash(host: HostName, name: string, forMs: number): void {
    const { cluster } = this.#parts
    const daemon = cluster.hosts[host].daemon(name)
    daemon?.crash()
    this.#mendAfter(forMs, () => {
      cluster.note(`${name} is started again`)
      void daemon?.start()
    })
  }

  #losePower(name: HostName, forMs: number): void {
    const { cluster, caches, onPowerLoss } = this.#parts
    const host = cluster.hosts[name]
    onPowerLoss(name)
    host.losePower()
    for (const volume of cluster.volumesOf(name)) caches.lose(volume, this.#random)
    this.#mendAfter(forMs, () => {
      cluster.note(`${name} is started again`)
      cluster.attachAdministratorsVolumes(name)
      void host.start()
    })
  }

  #cutLink(forMs: number): void {
    const { cluster } = this.#parts
    cluster.disks.cutLink('one', 'two')
    cluster.network.breakLines()
    this.#mendAfter(forMs, () => {
      cluster.note('the link is mended')
      cluster.disks.mendLink('one', 'two')
    })
  }

  async #cancel(): Promise<void> {
    const { cluster } = this.#parts
    const { service } = cluster.hosts[cluster.course.source].toolstack
    if (!service || !this.#operation) return
    try {
      await service.toolstack.operations.cancel(this.#operation)
    } catch (error) {
      if (!isCrosspoolError(error, 'TOO_LATE_TO_CANCEL')) throw error
      cluster.note(`too late to cancel: ${(error satisfies CrosspoolError).message}`)
    }
  }

  /** `rebootMs`: it comes back by itself, with a new memory. */
  #endGuest(state: 'shutdown' | 'crashed', rebootMs: number | null): void {
    const { cluster, guest, onGuestEnd } = this.#parts
    const [host] = cluster.vms.runningAt(vm)
    if (host === undefined) return
    guest.restarted()
    if (rebootMs === null) onGuestEnd()
    cluster.vms.setState(host, vm, state)
    if (rebootMs === null) return
    this.#mendAfter(rebootMs, () => {
      if (cluster.vms.host(host).vms.get(vm)?.state === state)
        cluster.vms.setState(host, vm, 'running')
    })
  }

  #mendAfter(ms: number, mend: () => void): void {
    this.#unmended += 1
    void this.#parts.cluster.scheduler.clock.sleep(ms).then(() => {
      this.#unmended -= 1
      mend()
    })
  }
}
