import type { ReplicationLimit } from '../../model/replication.ts'

/**
 * One named step of a long operation. `run` and `undo` may be called again after a crash, and
 * `undo` after a `run` that failed half-way: both must be idempotent and must ask the world, not
 * trust memory.
 */
export interface Step<Context> {
  readonly name: string
  /** Its share of the progress bar. */
  readonly weight: number
  run(context: Context): Promise<void>
  /** Left out where there is nothing to take back. */
  undo?(context: Context): Promise<void>
  /**
   * `until-refused`: beyond the point of no return. A failure is repeated until the step succeeds
   * or throws HANDOVER_REFUSED, the only thing that leads back from here. `always`: the end of the
   * operation is settled; repeated until it succeeds.
   */
  readonly forwards?: 'until-refused' | 'always'
  /** Nothing has been done before it and by it: after a restart the operation begins again here. */
  readonly beginsAgain?: true
  /** Cancelling has to wait for nothing here: once it has begun, the answer is no. */
  readonly uncancellable?: true
}

/** What each step gets. `memo` is plain JSON and saved at every step change; `live` holds what cannot be: streams, timers. */
export interface StepContext<Memo, Live> {
  readonly operation: string
  readonly memo: Memo
  readonly live: Live
  /** Aborted when the operation is cancelled or the other side is lost; not looked at by `undo`. */
  readonly signal: AbortSignal
  /** Writes the memo durably now, for an act that must not be forgotten in the middle of a step. */
  save(): Promise<void>
  /** How far the present step is, 0 to 1. */
  progress(fraction: number): void
  /** Name of the step that is running. */
  step(): string
  /** Tells watchers that the details have changed. */
  changed(): void
  /** Fails the operation from outside of a step; has no effect beyond the point of no return. */
  abort(reason: unknown): void
}

export interface OperationKind<Memo, Live> {
  readonly kind: string
  readonly steps: readonly Step<StepContext<Memo, Live>>[]
  createLive(): Live
  /** What the operation tells of itself, from its memo and what is live. */
  details(memo: Memo, live: Live): Record<string, unknown>
  /** Limits its copying from now on. Left out where nothing is copied. */
  limit?(context: StepContext<Memo, Live>, limit: ReplicationLimit): Promise<void>
  /** Called once when it has ended, however it ended. */
  ended?(memo: Memo, live: Live): void
}
