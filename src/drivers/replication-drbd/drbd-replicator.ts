import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type {
  BlockEndpoint,
  BlockReplicationState,
  BlockReplicator,
  BlockReplicatorCapabilities,
  BlockResource,
  BlockVerification,
} from '../../ports/block-replicator.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Command, DrbdCommands } from './commands.ts'
import { deviceBytes } from './device-bytes.ts'
import { busy, isHeldOpen, translatePromotion } from './errors.ts'
import { metadataBytes } from './metadata-bytes.ts'
import type { OptionSection } from './options.ts'
import { type NumberRange, pickNumbers } from './pick-reservation.ts'
import { rateOptions } from './rate-options.ts'
import type { Reservation, Reservations } from './reservations.ts'
import type { ResourceFiles } from './resource-files.ts'
import type { ResourceState } from './resource-states.ts'
import type { StateReader } from './state-reader.ts'
import { waitForState } from './state-waiter.ts'
import { findUsedNumbers } from './used-numbers.ts'
import { verify } from './verify.ts'

export interface DrbdReplicatorParts {
  readonly capabilities: BlockReplicatorCapabilities
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  readonly commands: DrbdCommands
  readonly files: ResourceFiles
  readonly reservations: Reservations
  readonly reader: StateReader
  readonly lock: KeyedLock
  readonly address: string
  /** What is usual, where nothing limits them. */
  readonly rates: OptionSection
  readonly ranges: { readonly minors: NumberRange; readonly ports: NumberRange }
  /** Reservations by name, as they are on disk. */
  readonly known: Map<string, Reservation>
}

/** Somebody who only looks what is on a device closes it soon. */
const openDeadlineMs = 3_000
const openRetryMs = 50
const reserveKey = 'reserve'

export class DrbdReplicator implements BlockReplicator {
  readonly capabilities: BlockReplicatorCapabilities
  readonly #parts: DrbdReplicatorParts

  constructor(parts: DrbdReplicatorParts) {
    this.#parts = parts
    this.capabilities = parts.capabilities
  }

  isOurs(name: string): boolean {
    return this.#parts.known.has(name)
  }

  metadataBytes(sizeBytes: number): number {
    return metadataBytes(sizeBytes)
  }

  deviceBytes(sizeBytes: number): number {
    return deviceBytes(sizeBytes)
  }

  reserve(name: string): Promise<BlockEndpoint> {
    const { lock, known, ranges, reservations, address, commandRunner } = this.#parts
    return lock.run([reserveKey], async () => {
      const reserved = known.get(name)
      if (reserved) return { address: reserved.address, port: reserved.port }
      const used = await findUsedNumbers(commandRunner)
      const ours = [...known.values()]
      const numbers = pickNumbers(ranges, {
        minors: new Set([...used.minors, ...ours.map(({ minor }) => minor)]),
        ports: new Set([...used.ports, ...ours.map(({ port }) => port)]),
      })
      const reservation = { name, address, ...numbers }
      await reservations.add(reservation)
      known.set(name, reservation)
      return { address, port: numbers.port }
    })
  }

  define(resource: BlockResource): Promise<void> {
    const { lock, files, commands } = this.#parts
    const { name } = resource
    const { minor } = this.#reservation(name)
    return lock.run([name], async () => {
      // drbdadm reads from the file whom to part from.
      if (await files.isOtherEncounter(resource, minor)) await this.#disconnect(name)
      await files.write(resource, minor)
      if (this.#state(name) === null) {
        await this.#run(commands.newResource(name))
        await this.#reached(name, 'made', (state) => state !== null)
      }
      if (this.#state(name)?.minor === null) {
        await this.#run(commands.newMinor(name))
        await this.#reached(name, 'given a volume', (state) => state?.minor === minor)
      }
      if (this.#state(name)?.disk === 'Diskless') {
        if (!(await this.#hasMetadata(name))) await this.#run(commands.createMetadata(name))
        await this.#run(commands.attach(name))
      }
      await this.#reached(name, 'attached', isAttached)
    })
  }

  connect(name: string): Promise<void> {
    const { lock, commands } = this.#parts
    return lock.run([name], async () => {
      if (this.#state(name)?.connection !== 'StandAlone') return
      await this.#run(commands.connect(name))
      await this.#reached(name, 'connecting', (state) => state?.connection !== 'StandAlone')
    })
  }

  disconnect(name: string): Promise<void> {
    return this.#parts.lock.run([name], () => this.#disconnect(name))
  }

  async limit(name: string, bytesPerSecondMax: number | null): Promise<void> {
    const { commands, rates } = this.#parts
    await this.#run(commands.limit(this.#reservation(name), rateOptions(rates, bytesPerSecondMax)))
  }

  async promote(name: string, options: { readonly firstTime?: boolean } = {}): Promise<void> {
    const reservation = this.#reservation(name)
    const disk = this.#state(name)?.disk
    const force = options.firstTime === true && disk !== 'UpToDate'
    // DRBD itself would, as long as it can read what is missing from its peer.
    if (!force && disk !== 'UpToDate')
      throw new CrosspoolError('HANDOVER_REFUSED', { reason: `the disk here is ${disk}` })
    try {
      await this.#run(this.#parts.commands.promote(reservation, force))
    } catch (error) {
      throw translatePromotion(error)
    }
    await this.#reached(name, 'Primary', (state) => state?.role === 'Primary')
  }

  async demote(name: string): Promise<void> {
    await this.#runWhenClosed(name, this.#parts.commands.demote(this.#reservation(name)))
    await this.#reached(name, 'Secondary', (state) => state?.role === 'Secondary')
  }

  down(name: string): Promise<void> {
    const { lock, known, commands, files, reservations } = this.#parts
    return lock.run([name], async () => {
      const reservation = known.get(name)
      if (reservation === undefined) return
      if (this.#state(name) !== null) {
        await this.#runWhenClosed(name, commands.down(name))
        await this.#reached(name, 'gone', (state) => state === null)
      }
      await files.remove(name)
      await reservations.remove(reservation)
      known.delete(name)
    })
  }

  /** Without the lock: it may take hours, and nothing else has to wait for it. */
  verify(name: string, signal: AbortSignal): Promise<BlockVerification> {
    const { reader, commands } = this.#parts
    return verify(reader, name, () => this.#run(commands.verify(name)), signal)
  }

  async devicePath(name: string): Promise<string> {
    return `/dev/drbd${this.#reservation(name).minor}`
  }

  state(name: string): BlockReplicationState | null {
    return this.isOurs(name) ? this.#state(name) : null
  }

  watch(name: string, listener: (state: BlockReplicationState | null) => void): () => void {
    let last = this.state(name)
    listener(last)
    return this.#parts.reader.onChange(() => {
      const next = this.state(name)
      if (next === last) return
      last = next
      listener(next)
    })
  }

  async list(): Promise<readonly string[]> {
    return [...this.#parts.known.keys()].sort()
  }

  async #disconnect(name: string): Promise<void> {
    const isEnded = (state: ResourceState | null) =>
      (state?.connection ?? 'StandAlone') === 'StandAlone'
    if (isEnded(this.#state(name))) return
    await this.#run(this.#parts.commands.disconnect(name))
    await this.#reached(name, 'disconnected', isEnded)
  }

  #reservation(name: string): Reservation {
    const reservation = this.#parts.known.get(name)
    if (reservation) return reservation
    throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id: name })
  }

  #state(name: string): ResourceState | null {
    return this.#parts.reader.states().get(name) ?? null
  }

  async #run([program, ...args]: Command): Promise<void> {
    await this.#parts.commandRunner.run(program, args, { isBrief: true })
  }

  /** @throws BUSY when somebody keeps the device open */
  async #runWhenClosed(name: string, command: Command): Promise<void> {
    const { clock } = this.#parts
    const startedMs = clock.monotonicMs()
    for (;;) {
      try {
        return await this.#run(command)
      } catch (error) {
        if (!isHeldOpen(error)) throw error
        if (clock.monotonicMs() - startedMs > openDeadlineMs) throw busy(name, error)
        await clock.sleep(openRetryMs)
      }
    }
  }

  /** Metadata of a disk that was in use when the host stopped is "unclean", and worth keeping. */
  async #hasMetadata(name: string): Promise<boolean> {
    const [program, ...args] = this.#parts.commands.dumpMetadata(name)
    const { exitCode, stderr } = await this.#parts.commandRunner.probe(program, args)
    return exitCode === 0 || /is "unclean"/.test(stderr)
  }

  #reached(
    name: string,
    what: string,
    isReached: (state: ResourceState | null) => boolean,
  ): Promise<void> {
    return waitForState(this.#parts.reader, this.#parts.clock, name, what, isReached)
  }
}

function isAttached(state: ResourceState | null): boolean {
  return state !== null && !['Diskless', 'Attaching', 'Negotiating'].includes(state.disk)
}
