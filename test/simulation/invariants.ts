import type { Receiver } from '../../src/model/receiver.ts'
import type { Json } from '../../src/ports/record-store.ts'
import { type Course, type HostName, hostNames, type TwoHosts, vm } from './two-hosts.ts'

interface Ownership {
  readonly epoch: number
  readonly state: string
}

/** Why nobody may run the VM in the end. */
export type Loss =
  /** The guest shut down or crashed. */
  | 'guest ended'
  /** The host that it ran on lost its power. */
  | 'host of the VM lost its power'
  /** The source lost its power when it had paused the VM, whose only other copy had not begun to run. */
  | 'source lost its power with the VM paused'
  /** The destination had durably begun to start the VM when it lost its power: nobody can know whether it ran. */
  | 'destination lost its power while it started the VM'

/** What a migration has come to, as its laws must know. */
interface Leg {
  /** Hosts that have lost their power since it began. */
  readonly darkened: Set<HostName>
  receiver: Pick<Receiver, 'state'> | null
  loss: Loss | null
  hasBeenToldToTake: boolean
}

/** The laws that hold at every moment, and what those of the end must know. */
export class Invariants {
  readonly #cluster: TwoHosts
  readonly #violations: string[] = []
  readonly #ownership = new Map<HostName, Ownership>()
  /** Hosts that have lost their power at any time. */
  readonly darkened = new Set<HostName>()
  #leg = beginLeg()

  constructor(cluster: TwoHosts) {
    this.#cluster = cluster
    for (const name of hostNames) {
      const { toolstackStore } = cluster.hosts[name]
      toolstackStore.watch(`ownership/${vm}`, ({ value }) => this.#owns(name, value))
      toolstackStore.watch('receivers/', ({ value }) => {
        if (name === this.#course.destination && isReceiver(value)) this.#leg.receiver = value
      })
    }
  }

  /** The VM sets out on the cluster's course; whatever came before has come to rest. */
  setsOut(): void {
    this.#leg = beginLeg()
  }

  get #course(): Course {
    return this.#cluster.course
  }

  get violations(): readonly string[] {
    return [
      ...new Set([
        ...this.#violations,
        ...this.#cluster.vms.violations,
        ...this.#cluster.disks.violations,
      ]),
    ]
  }

  get loss(): Loss | null {
    return this.#leg.loss
  }

  report(violation: string): void {
    if (this.#violations.includes(violation)) return
    this.#cluster.note(`VIOLATION: ${violation}`)
    this.#violations.push(violation)
  }

  guestEnded(): void {
    this.#leg.loss ??= 'guest ended'
  }

  /** To be told before the host has lost anything. */
  powerLost(host: HostName): void {
    const { vms } = this.#cluster
    const { source, destination } = this.#course
    const leg = this.#leg
    const present = vms.host(host).vms.get(vm)
    const [runningAt] = vms.runningAt(vm)
    this.darkened.add(host)
    leg.darkened.add(host)
    // A guest that is about to boot again is there and does not run.
    const isHere = runningAt === host || (present && !runningAt && present.state !== 'paused')
    if (isHere) leg.loss ??= 'host of the VM lost its power'
    else if (host === source && present?.state === 'paused' && !runningAt)
      leg.loss ??= 'source lost its power with the VM paused'
    else if (host === destination && leg.receiver?.state === 'starting' && !runningAt)
      leg.loss ??= 'destination lost its power while it started the VM'
  }

  /** What a host starts by itself at its boot must not find the disk of the VM that it has released: the administrator's is at one. */
  #lookAtBootFence(): void {
    const { disks, vms } = this.#cluster
    const paused = vms.host('one').vms.get(vm)
    const isReleased = this.#ownership.get('one')?.state === 'released'
    if (paused?.state !== 'paused' || !isReleased) return
    const hasAdopted = paused.disks.some(({ device }) => device.endsWith('/adopted-disk'))
    if (hasAdopted && !disks.array('admin-one').fenced.has('adopted-disk'))
      this.report('at its boot the source could start a VM that it has released')
  }

  /** The laws of every moment. */
  look(): void {
    const { disks, vms } = this.#cluster
    this.#lookAtBootFence()
    for (const pair of disks.pairs.values()) {
      if (pair.at('one')?.role === 'primary' && pair.at('two')?.role === 'primary')
        this.report(`both sides of mirror ${pair.id} are writable`)
    }
    const [runningAt] = vms.runningAt(vm)
    const other = runningAt && disks.kernel(runningAt === 'one' ? 'two' : 'one')
    if (!other) return
    for (const device of other.devices.values()) {
      if (device.vdi === 'shared-disk' && device.mode === 'volume' && device.hasWritten)
        this.report(`the shared disk is still writable at ${other.host}`)
    }
  }

  /** An administrator has to say where the VM goes on. */
  get isUndecided(): boolean {
    const { receiver, darkened } = this.#leg
    return receiver?.state === 'starting' && darkened.has(this.#course.destination)
  }

  #owns(host: HostName, value: Json | null): void {
    if (!isOwnership(value)) return
    const before = this.#ownership.get(host)
    this.#ownership.set(host, { epoch: value.epoch, state: value.state })
    const takesBack = before?.state === 'released' && value.state === 'owned'
    const { source, destination } = this.#course
    const there = this.#ownership.get(destination)
    if (host !== source || !takesBack || !this.#leg.hasBeenToldToTake) return
    if (there?.state !== 'refused' || there.epoch !== value.epoch)
      this.report('the source took the VM back without a durable refusal of the destination')
  }

  /** The source is about to ask the destination to take the VM. */
  tellsToTake(): void {
    this.#leg.hasBeenToldToTake = true
    if (this.#ownership.get(this.#course.source)?.state !== 'released')
      this.report('the destination was told to take a VM that was not durably released')
  }

  /** Whose the VM is, whether it runs or not. */
  get owner(): HostName {
    const { source, destination } = this.#course
    return this.#ownership.get(destination)?.state === 'owned' ? destination : source
  }
}

function beginLeg(): Leg {
  return { darkened: new Set(), receiver: null, loss: null, hasBeenToldToTake: false }
}

function isOwnership(value: Json | null): value is Ownership & Json {
  return typeof value === 'object' && value !== null && 'epoch' in value && 'state' in value
}

function isReceiver(value: Json | null): value is Pick<Receiver, 'state'> & Json {
  return typeof value === 'object' && value !== null && 'state' in value && 'tokenHash' in value
}
