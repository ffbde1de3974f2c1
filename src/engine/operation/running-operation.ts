import { CrosspoolError, type ErrorDocument, isCrosspoolError } from '../../model/errors.ts'
import {
  isEnded,
  type Operation,
  type OperationState,
  type StepState,
} from '../../model/operation.ts'
import type { ReplicationLimit } from '../../model/replication.ts'
import type { Json } from '../../ports/record-store.ts'
import { firstDocument, isBeyondReturn, markStep, progressOf } from './operation-document.ts'
import type { OperationRunnerOptions } from './operation-runner.ts'
import type { OperationKind, Step, StepContext } from './step.ts'

/** What the store keeps of an operation: the document that everybody sees, and the memo for going on. */
export interface SavedOperation {
  readonly operation: Operation
  readonly memo: Json
}

const retryMsDefault = 1_000
const progressIntervalMs = 250

/** One operation while it runs: walks its steps forwards or, after a failure, backwards. */
export class RunningOperation<Memo, Live> {
  readonly id: string
  readonly subject: string
  readonly done: Promise<void>
  readonly #kind: OperationKind<Memo, Live>
  readonly #options: OperationRunnerOptions
  readonly #context: StepContext<Memo, Live>
  readonly #aborter = new AbortController()
  readonly #listeners = new Set<(operation: Operation) => void>()
  #operation: Operation
  #fraction = 0
  #notifiedMs = Number.NEGATIVE_INFINITY
  #resolveDone: () => void = () => {}

  constructor(
    kind: OperationKind<Memo, Live>,
    start: {
      readonly id: string
      readonly subject: string
      readonly memo: Memo
      readonly saved?: Operation
    },
    options: OperationRunnerOptions,
  ) {
    this.id = start.id
    this.subject = start.subject
    this.#kind = kind
    this.#options = options
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
    this.#context = this.#makeContext(start.memo)
    this.#operation = start.saved ?? firstDocument(kind, { ...start, nowMs: options.clock.now() })
  }

  static resume<Memo, Live>(
    kind: OperationKind<Memo, Live>,
    saved: SavedOperation,
    options: OperationRunnerOptions,
  ) {
    const { id, subject } = saved.operation
    return new RunningOperation(
      kind,
      { id, subject, memo: saved.memo as Memo, saved: saved.operation },
      options,
    )
  }

  begin(): Promise<void> {
    return this.#save()
  }

  /** Runs all steps; never rejects: how it ended stands in the document. */
  run(): Promise<void> {
    return this.#until(() => this.#forwards(0))
  }

  /** After a restart: nothing live is left, so what was running before the point of no return is taken back. */
  recover(): Promise<void> {
    const position = this.#operation.steps.findIndex((step) => step.state !== 'done')
    const step = this.#kind.steps[position]
    if (position < 0) return this.#until(() => this.#end('succeeded', null))
    if (this.#operation.state === 'running' && (step?.forwards || step?.beginsAgain))
      return this.#until(() => this.#forwards(position))
    const interrupted = new CrosspoolError('CANCELLED', { reason: 'the daemon was restarted' })
    const cause = this.#operation.error ?? interrupted.toDocument()
    return this.#until(() => this.#backwards(position, cause))
  }

  cancel(): void {
    if (isEnded(this.#operation)) return
    if (isBeyondReturn(this.#operation, this.#kind.steps)) {
      throw new CrosspoolError('TOO_LATE_TO_CANCEL', { destination: 'the destination' })
    }
    this.#aborter.abort(new CrosspoolError('CANCELLED'))
  }

  async limit(limit: ReplicationLimit): Promise<void> {
    await this.#kind.limit?.(this.#context, limit)
  }

  watch(listener: (operation: Operation) => void): () => void {
    listener(this.document())
    if (isEnded(this.#operation)) return () => {}
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  document(): Operation {
    const details = this.#kind.details(this.#context.memo, this.#context.live)
    const progress = progressOf(this.#operation, this.#kind.steps, this.#fraction)
    return { ...this.#operation, details, progress }
  }

  async #until(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      // Only the store can bring us here; the record stays as it is and recovery goes on from it.
      this.#options.log.error({ operation: this.id, error }, 'operation could not be recorded')
    }
    this.#kind.ended?.(this.#context.memo, this.#context.live)
    this.#resolveDone()
  }

  async #forwards(from: number): Promise<void> {
    for (let position = from; position < this.#kind.steps.length; position += 1) {
      const step = this.#kind.steps[position]
      if (!step) break
      if (!step.forwards && this.#aborter.signal.aborted) {
        return await this.#backwards(position - 1, this.#explain(this.#aborter.signal.reason))
      }
      // The end of one step and the beginning of the next are one record: the blackout pays for each.
      this.#mark(position, 'running')
      await this.#save()
      const failure = await this.#attempt(step)
      if (failure) {
        this.#mark(position, 'failed')
        return await this.#backwards(position, this.#explain(failure))
      }
      this.#mark(position, 'done')
    }
    await this.#end('succeeded', null)
  }

  /** Runs one step, repeatedly where it only goes forwards. Answers the error that leads back. */
  async #attempt(step: Step<StepContext<Memo, Live>>): Promise<unknown> {
    for (;;) {
      try {
        this.#fraction = 0
        this.#options.log.info({ operation: this.id, step: step.name }, 'step begins')
        await step.run(this.#context)
        return null
      } catch (error) {
        this.#options.log.warn({ operation: this.id, step: step.name, error }, 'step failed')
        const isRefused = isCrosspoolError(error, 'HANDOVER_REFUSED')
        const leadsBack = !step.forwards || (step.forwards === 'until-refused' && isRefused)
        if (leadsBack) return step.forwards ? error : this.#causeOf(error)
        await this.#options.clock.sleep(this.#options.retryMs ?? retryMsDefault)
      }
    }
  }

  /** An abort explains what a step fails with, but not that of a peer, which may have given up because the step did. */
  #causeOf(error: unknown): unknown {
    const { aborted, reason } = this.#aborter.signal
    return aborted && !isCrosspoolError(reason, 'PEER_FAILED') ? reason : error
  }

  async #backwards(from: number, error: ErrorDocument): Promise<void> {
    this.#operation = { ...this.#operation, state: 'undoing', error }
    for (let position = from; position >= 0; position -= 1) {
      const step = this.#kind.steps[position]
      if (!step || this.#operation.steps[position]?.state === 'undone') continue
      this.#mark(position, 'undoing')
      await this.#save()
      await this.#undo(step)
      this.#mark(position, 'undone')
    }
    await this.#end(error.code === 'CANCELLED' ? 'cancelled' : 'failed', error)
  }

  /** Nothing may be left behind, so an undo that fails is repeated until it has succeeded. */
  async #undo(step: Step<StepContext<Memo, Live>>): Promise<void> {
    for (;;) {
      try {
        await step.undo?.(this.#context)
        return
      } catch (error) {
        this.#options.log.error(
          { operation: this.id, step: step.name, error },
          'undo failed; it will be tried again',
        )
        await this.#options.clock.sleep(this.#options.retryMs ?? retryMsDefault)
      }
    }
  }

  async #end(state: OperationState, error: ErrorDocument | null): Promise<void> {
    this.#operation = { ...this.#operation, state, error, endedAtMs: this.#options.clock.now() }
    await this.#save()
    this.#options.log.info({ operation: this.id, state, code: error?.code }, 'operation has ended')
    this.#listeners.clear()
  }

  #mark(position: number, state: StepState): void {
    this.#operation = markStep(this.#operation, position, state, this.#options.clock.now())
  }

  async #save(): Promise<void> {
    const saved = { operation: this.document(), memo: this.#context.memo } as unknown as Json
    await this.#options.store.transact({ puts: [{ key: `operations/${this.id}`, value: saved }] })
    this.#notify()
  }

  #notify(): void {
    const document = this.document()
    for (const listener of this.#listeners) listener(document)
  }

  /** A stream reports every few milliseconds; nobody reads that fast, and each document costs. */
  #notifyOfProgress(): void {
    const now = this.#options.clock.monotonicMs()
    if (now - this.#notifiedMs < progressIntervalMs) return
    this.#notifiedMs = now
    this.#notify()
  }

  #explain(error: unknown): ErrorDocument {
    if (error instanceof CrosspoolError) return error.toDocument()
    this.#options.log.error({ operation: this.id, error }, 'an error that is not in the table')
    return new CrosspoolError('INTERNAL', { reference: this.id }).toDocument()
  }

  #makeContext(memo: Memo): StepContext<Memo, Live> {
    return {
      operation: this.id,
      memo,
      live: this.#kind.createLive(),
      signal: this.#aborter.signal,
      save: () => this.#save(),
      progress: (fraction) => {
        this.#fraction = Math.min(1, Math.max(0, fraction))
        this.#notifyOfProgress()
      },
      step: () =>
        this.#operation.steps.find((step) => step.state === 'running')?.name ??
        this.#operation.state,
      changed: () => this.#notify(),
      abort: (reason) => this.#aborter.abort(reason),
    }
  }
}
