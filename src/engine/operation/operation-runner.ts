import { CrosspoolError } from '../../model/errors.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { ReplicationLimit } from '../../model/replication.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'
import { RunningOperation, type SavedOperation } from './running-operation.ts'
import type { OperationKind } from './step.ts'

export interface OperationRunnerOptions {
  readonly store: RecordStore
  readonly clock: Clock
  readonly log: Log
  /** Pause before a step beyond the point of no return is tried again. */
  readonly retryMs?: number
}

const prefix = 'operations/'
const endedKept = 200

/**
 * Runs operations: one per subject at a time, each step recorded before and after, so that watchers
 * see progress and a restarted daemon knows where it was.
 */
export class OperationRunner {
  readonly #options: OperationRunnerOptions
  readonly #running = new Map<string, RunningOperation<unknown, unknown>>()
  readonly #kinds = new Map<string, OperationKind<unknown, unknown>>()
  readonly #observers = new Set<(operation: Operation) => void>()

  constructor(options: OperationRunnerOptions) {
    this.#options = options
  }

  /** Makes a kind known, so that `recover` can go on with it. */
  register<Memo, Live>(kind: OperationKind<Memo, Live>): void {
    this.#kinds.set(kind.kind, kind as unknown as OperationKind<unknown, unknown>)
  }

  /** Names of the steps, in their order. */
  stepsOf(kind: string): readonly string[] {
    return this.#kind(kind).steps.map(({ name }) => name)
  }

  /** Calls `listener` at every change of every operation from now on. */
  observe(listener: (operation: Operation) => void): void {
    this.#observers.add(listener)
  }

  /** Starts the operation and answers at once; it goes on by itself. @throws BUSY while another holds the subject */
  async start(kind: string, id: string, subject: string, memo: unknown): Promise<Operation> {
    const holder = this.holderOf(subject)
    if (holder)
      throw new CrosspoolError('BUSY', { kind: 'vm', id: subject, user: `operation ${holder}` })
    const operation = new RunningOperation(this.#kind(kind), { id, subject, memo }, this.#options)
    this.#hold(operation)
    await operation.begin()
    void operation.run().then(() => this.#forget(id))
    return operation.document()
  }

  /** Goes on with what a restart interrupted: back before the point of no return, forwards after it. */
  async recover(): Promise<void> {
    for (const { value } of await this.#options.store.list<Json>(prefix)) {
      const saved = value as unknown as SavedOperation
      if (isEnded(saved.operation)) continue
      const operation = RunningOperation.resume(
        this.#kind(saved.operation.kind),
        saved,
        this.#options,
      )
      this.#hold(operation)
      void operation.recover().then(() => this.#forget(saved.operation.id))
    }
  }

  /** The operation that holds the subject, or null. */
  holderOf(subject: string): string | null {
    for (const operation of this.#running.values()) {
      if (operation.subject === subject && !isEnded(operation.document())) return operation.id
    }
    return null
  }

  async get(id: string): Promise<Operation> {
    const running = this.#running.get(id)
    if (running) return running.document()
    const record = await this.#options.store.get<Json>(prefix + id)
    if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'operation', id })
    return (record.value as unknown as SavedOperation).operation
  }

  /** The newest first. */
  async list(): Promise<Operation[]> {
    const saved = await this.#options.store.list<Json>(prefix)
    const operations = saved.map(({ value }) => (value as unknown as SavedOperation).operation)
    return operations
      .map((operation) => this.#running.get(operation.id)?.document() ?? operation)
      .sort((a, b) => b.startedAtMs - a.startedAtMs)
  }

  /** Calls `listener` at once and at every change until the operation has ended. Answers how to stop. */
  async watch(id: string, listener: (operation: Operation) => void): Promise<() => void> {
    const running = this.#running.get(id)
    if (running) return running.watch(listener)
    listener(await this.get(id))
    return () => {}
  }

  /** Takes everything back. @throws TOO_LATE_TO_CANCEL beyond the point of no return */
  async cancel(id: string): Promise<Operation> {
    const running = this.#running.get(id)
    if (!running) return await this.get(id)
    running.cancel()
    return running.document()
  }

  /** Limits its copying from now on. @throws NOT_FOUND unless it runs */
  async limit(id: string, limit: ReplicationLimit): Promise<Operation> {
    const running = this.#running.get(id)
    if (!running) throw new CrosspoolError('NOT_FOUND', { kind: 'running operation', id })
    await running.limit(limit)
    return running.document()
  }

  /** Forgets one that has ended; another stays. */
  async discard(id: string): Promise<void> {
    const record = await this.#options.store.get<Json>(prefix + id)
    const saved = record?.value as unknown as SavedOperation | undefined
    if (saved && isEnded(saved.operation))
      await this.#options.store.transact({ deletes: [prefix + id] })
  }

  /** Resolves when the operation has ended. */
  async wait(id: string): Promise<Operation> {
    await this.#running.get(id)?.done
    return await this.get(id)
  }

  #hold(operation: RunningOperation<unknown, unknown>): void {
    this.#running.set(operation.id, operation)
    operation.watch((document) => {
      for (const observer of this.#observers) observer(document)
    })
  }

  async #forget(id: string): Promise<void> {
    this.#running.delete(id)
    try {
      const ended = (await this.list()).filter(isEnded).slice(endedKept)
      if (ended.length)
        await this.#options.store.transact({
          deletes: ended.map((operation) => prefix + operation.id),
        })
    } catch (error) {
      // Old records are only clutter; the store says what is wrong at its next real use.
      this.#options.log.warn({ error }, 'could not remove old operations')
    }
  }

  #kind(kind: string): OperationKind<unknown, unknown> {
    const found = this.#kinds.get(kind)
    if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'operation kind', id: kind })
    return found
  }
}
