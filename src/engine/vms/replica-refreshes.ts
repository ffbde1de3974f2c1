import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { MigrateRequest } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { OperationRunner } from '../operation/operation-runner.ts'
import { refuseArriving, refuseForeign } from './refusals.ts'
import type { ScheduleBook } from './schedule-book.ts'
import {
  afterRefresh,
  isDue,
  refreshOf,
  refusedRefresh,
  type ScheduleRecord,
} from './schedule-records.ts'
import { findRunning } from './vm-listing.ts'
import { WakeUp } from './wake-up.ts'

export interface RefreshParts {
  readonly book: ScheduleBook
  readonly operations: OperationRunner
  /** Whoever has the VM, an operation or anything else. */
  readonly holderOf: (vm: string) => string | null
  /** Begins an operation of this id. */
  readonly replicate: (vm: string, request: MigrateRequest, id: string) => Promise<Operation>
}

/** Why a VM is not refreshed: it is elsewhere, halted or arriving. */
const absent: readonly string[] = ['NOT_FOUND', 'WRONG_STATE', 'BUSY']

/** Brings replicas up to date at their times, each by an operation as anybody could begin it. */
export class ReplicaRefreshes {
  readonly #environment: ToolstackEnvironment
  readonly #parts: RefreshParts
  readonly #wakeUp: WakeUp
  readonly #stopper = new AbortController()
  /** VMs whose time has come, and that an operation has. */
  readonly #held = new Set<string>()
  #haveVmsChanged = false
  #isAnyResting = true

  constructor(environment: ToolstackEnvironment, parts: RefreshParts) {
    this.#environment = environment
    this.#parts = parts
    this.#wakeUp = new WakeUp(environment, () => this.#beginDue())
  }

  async recover(): Promise<void> {
    const { clock, hypervisor } = this.#environment
    const { book, operations } = this.#parts
    for (const { vm, operation } of await book.list()) {
      if (operation === null) continue
      const found = await operations.get(operation).catch((error: unknown) => {
        if (isCrosspoolError(error, 'NOT_FOUND')) return null
        throw error
      })
      if (found) this.#follow(vm, operation)
      else
        await book.change(vm, (record) => ({
          // It was not begun any more.
          ...{ ...record, operation: null },
          nextAtMs: record.nextAtMs === null ? null : clock.now(),
        }))
    }
    const stop = hypervisor.watch(() => {
      this.#haveVmsChanged = true
      if (this.#isAnyResting) this.#wakeUp.now()
    })
    this.#stopper.signal.addEventListener('abort', stop)
    this.#wakeUp.now()
  }

  close(): void {
    this.#stopper.abort(new Error('the toolstack was closed'))
    this.#wakeUp.close()
  }

  /** One that is due: whoever asks for it can watch it from its beginning. */
  async beginNow(vm: string): Promise<void> {
    await this.#begin(vm).catch((error: unknown) =>
      this.#environment.log.warn({ vm, error }, 'its replica will be refreshed later'),
    )
    this.#wakeUp.now()
  }

  /** Answers after which time the next one is due; null: none is. */
  async #beginDue(): Promise<number | null> {
    const { book } = this.#parts
    const haveVmsChanged = this.#haveVmsChanged
    this.#haveVmsChanged = false
    for (const { vm, isResting } of await book.list()) {
      if (this.#held.has(vm)) continue
      if (isResting && haveVmsChanged) await this.#rouse(vm)
      await this.#begin(vm)
    }
    const records = await book.list()
    this.#isAnyResting = records.some(({ isResting }) => isResting)
    const times = records.flatMap(({ vm, nextAtMs, operation }) =>
      nextAtMs === null || operation !== null || this.#held.has(vm) ? [] : [nextAtMs],
    )
    return times.length === 0 ? null : Math.min(...times) - this.#environment.clock.now()
  }

  /** Where it runs here again, what it has missed is made up for. */
  async #rouse(vm: string): Promise<void> {
    if (await this.#whyNotHere(vm)) return
    const nextAtMs = this.#environment.clock.now()
    await this.#parts.book.change(vm, (record) => ({ ...record, isResting: false, nextAtMs }))
  }

  async #begin(vm: string): Promise<void> {
    const { clock, random, storage } = this.#environment
    const { book, holderOf, replicate } = this.#parts
    await book.alone(vm, async (record) => {
      const startedAtMs = clock.now()
      if (!record || !isDue(record, startedAtMs)) return
      if (holderOf(vm) !== null) return await this.#giveWay(record)
      const absence = await this.#whyNotHere(vm)
      if (absence) {
        const skipped = refusedRefresh('skipped', absence, startedAtMs)
        return await book.save({ ...afterRefresh(record, skipped), isResting: true })
      }
      // After a boot the storage manager may not be there yet, which is no failure.
      await storage.facts()
      const operation = random.uuid()
      const nextAtMs = startedAtMs + record.wish.everyMs
      await book.save({ ...record, operation, nextAtMs, isResting: false })
      try {
        await replicate(vm, requestOf(record), operation)
        this.#follow(vm, operation)
      } catch (error) {
        if (isCrosspoolError(error, 'BUSY')) await this.#giveWay(record)
        else await book.save(this.#failed(record, error))
      }
    })
  }

  /** An operation of the VM is waited for; anything else that has it makes this time be left out. */
  async #giveWay(record: ScheduleRecord): Promise<void> {
    const { clock } = this.#environment
    const { book, operations, holderOf } = this.#parts
    const { vm } = record
    const operation = operations.holderOf(vm)
    if (operation === null) {
      const user = holderOf(vm) ?? 'another act'
      const busy = new CrosspoolError('BUSY', { kind: 'vm', id: vm, user })
      return await book.save(afterRefresh(record, refusedRefresh('skipped', busy, clock.now())))
    }
    await book.save(record)
    this.#held.add(vm)
    const go = () => {
      this.#held.delete(vm)
      this.#wakeUp.now()
    }
    void operations.wait(operation).then(go, go)
  }

  #failed(record: ScheduleRecord, error: unknown): ScheduleRecord {
    const { clock, log } = this.#environment
    const { vm } = record
    log.warn({ vm, error }, 'the refresh of its replica could not be begun')
    const known = isCrosspoolError(error)
      ? error
      : new CrosspoolError('INTERNAL', { reference: vm })
    return afterRefresh(record, refusedRefresh('failed', known, clock.now()))
  }

  #follow(vm: string, operation: string): void {
    const { log } = this.#environment
    void this.#parts.operations
      .wait(operation)
      .then((ended) => this.#note(vm, ended))
      .catch((error: unknown) =>
        log.error({ vm, operation, error }, 'what came of a refresh could not be recorded'),
      )
  }

  async #note(vm: string, operation: Operation): Promise<void> {
    const { clock, log } = this.#environment
    const { book, operations } = this.#parts
    // It could not be recorded: the next start of this daemon goes on with it.
    if (!isEnded(operation)) return
    const { id, state, error } = operation
    let before: string | null = null
    await book.change(vm, (record) => {
      if (record.operation !== id) return record
      before = record.last?.operation ?? null
      return afterRefresh(record, refreshOf(operation, clock.now()))
    })
    // A refresh every few minutes must not be all that is known of this host.
    if (before !== null) await operations.discard(before)
    log.info({ vm, operation: id, state, code: error?.code }, 'a refresh of its replica has ended')
    this.#wakeUp.now()
  }

  /** That it does not run here, or is not this host's to run; null: it does. */
  async #whyNotHere(vm: string): Promise<CrosspoolError | null> {
    try {
      await findRunning(this.#environment, vm, 'replicate')
      await refuseForeign(this.#environment, vm, 'replicate')
      await refuseArriving(this.#environment, vm)
      return null
    } catch (error) {
      if (isCrosspoolError(error) && absent.includes(error.code)) return error
      throw error
    }
  }
}

function requestOf({ wish }: ScheduleRecord): MigrateRequest {
  const { everyMs: _, ...request } = wish
  return { ...request, keepSourceDisks: false }
}
