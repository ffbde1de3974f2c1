import type { Operation } from '../../../model/operation.ts'
import type { XenApiBackend } from '../backend.ts'
import type { Notes } from '../notes.ts'
import type { Tasks } from '../tasks.ts'
import { ChangeLog } from './change-log.ts'
import { type Facts, gatherFacts } from './facts.ts'
import { hostObjects } from './host-objects.ts'
import type { XenObject } from './objects.ts'
import { storageObjects } from './storage-objects.ts'
import { clientTask, operationTask, readDetails } from './task-objects.ts'
import { vmObjects } from './vm-objects.ts'

export interface ViewParts {
  readonly backend: XenApiBackend
  readonly notes: Notes
  readonly tasks: Tasks
}

/** Disks and SRs tell nobody when they change, and asking costs commands of the host. */
const factsMaxAgeMs = 2_000
const pollMs = 500

/** All objects, read from the engine when somebody asks. Nothing is kept that the engine does not know. */
export class ObjectView {
  readonly log: ChangeLog
  readonly #parts: ViewParts
  #stopWatching: (() => void) | null = null
  #facts: { readonly facts: Facts; readonly atMs: number } | null = null
  #isStale = false
  #operations = ''
  #readAtMs = Number.NEGATIVE_INFINITY
  #refreshing: Promise<void> | null = null
  #nudge = new AbortController()

  constructor(parts: ViewParts) {
    this.#parts = parts
    this.log = new ChangeLog(parts.backend.environment.clock.now())
  }

  /** Something has happened that the next reader must see. */
  changed(): void {
    this.#isStale = true
    this.#nudge.abort()
    this.#nudge = new AbortController()
  }

  /** Reads what there is; whoever asks meanwhile is answered by the reading that begins next. */
  async refresh(maxAgeMs = 0): Promise<void> {
    const { clock, hypervisor } = this.#parts.backend.environment
    // Watching costs a program on some hosts, so it begins with the first client.
    this.#stopWatching ??= hypervisor.watch(() => this.changed())
    if (!this.#isStale && clock.monotonicMs() - this.#readAtMs < maxAgeMs) return
    const running = this.#refreshing
    if (running) await running.catch(() => {})
    this.#refreshing ??= this.#read(clock.monotonicMs()).finally(() => {
      this.#refreshing = null
    })
    await this.#refreshing
  }

  /** Until something has changed, or a moment has passed. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.backend.environment
    const either = AbortSignal.any([signal, this.#nudge.signal])
    await clock.sleep(Math.min(ms, pollMs), either).catch(() => {})
  }

  close(): void {
    this.#stopWatching?.()
  }

  async #read(beganAtMs: number): Promise<void> {
    const { backend, notes, tasks } = this.#parts
    const operations = await backend.toolstack.operations.list()
    this.#noteOperations(operations)
    const facts = await this.#currentFacts()
    const departed = new Set(
      operations
        .filter((operation) => operation.endedAtMs === null && readDetails(operation).released)
        .map(({ subject }) => subject),
    )
    const vms = facts.vms.filter(({ id }) => !departed.has(id) && !facts.arriving.has(id))
    const visible = { ...facts, vms }
    const noted = await notes.all()
    const notesOf = (ref: string) => noted.get(ref) ?? {}
    this.log.update([
      ...hostObjects(visible, notesOf),
      ...storageObjects(visible, notesOf),
      ...vmObjects(visible),
      ...this.#taskObjects(facts, operations, tasks),
    ])
    this.#readAtMs = beganAtMs
  }

  #taskObjects({ host }: Facts, operations: readonly Operation[], tasks: Tasks): XenObject[] {
    return [
      ...operations
        .filter((operation) => tasks.shows(operation))
        .map((operation) => operationTask(host, operation, tasks.originOf(operation.id))),
      ...tasks.list().map((task) => clientTask(host, task)),
    ]
  }

  /** A migration that begins, is released or ends changes VMs and disks as well. */
  #noteOperations(operations: readonly Operation[]): void {
    const states = operations.map((operation) => {
      const { released = false } = readDetails(operation)
      return `${operation.id} ${operation.state} ${released}`
    })
    const text = states.join('\n')
    if (text !== this.#operations) this.#isStale = true
    this.#operations = text
  }

  async #currentFacts(): Promise<Facts> {
    const { backend } = this.#parts
    const nowMs = backend.environment.clock.monotonicMs()
    const known = this.#facts
    if (known && !this.#isStale && nowMs - known.atMs < factsMaxAgeMs) return known.facts
    this.#isStale = false
    try {
      const facts = await gatherFacts(backend)
      this.#facts = { facts, atMs: nowMs }
      return facts
    } catch (error) {
      this.#isStale = true
      throw error
    }
  }
}
