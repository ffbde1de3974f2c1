import { isEnded, type Operation } from '../../model/operation.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import { XenApiFailure } from './failure.ts'
import { identities } from './view/identities.ts'
import type { ClientTask, Origin } from './view/task-objects.ts'

/** As long as xapi keeps them; who waits for a task must find it. */
const endedKeptMs = 3_900_000
const pendingKeptMs = 86_400_000
const tasksMax = 1_000

/** The tasks that are no operations, and what the face notes beside operations. All of it ends with the daemon. */
export class Tasks {
  readonly #clock: Clock
  readonly #random: Random
  readonly #tasks = new Map<string, ClientTask>()
  readonly #origins = new Map<string, Origin>()
  /** Operations whose task a client has removed. */
  readonly #removed = new Set<string>()

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock
    this.#random = random
  }

  create(label: string, description = ''): ClientTask {
    this.#tidy()
    const task: ClientTask = {
      ...{ id: this.#random.uuid(), label, description },
      createdAtMs: this.#clock.now(),
      finishedAtMs: null,
      ...{ status: 'pending', progress: 0, result: '', failure: [], notes: {} },
    }
    this.#tasks.set(identities.task(task.id).ref, task)
    return task
  }

  find(ref: string): ClientTask | undefined {
    return this.#tasks.get(ref)
  }

  list(): ClientTask[] {
    this.#tidy()
    return [...this.#tasks.values()]
  }

  change(ref: string, change: Partial<Omit<ClientTask, 'id'>>): void {
    const task = this.#tasks.get(ref)
    if (task) this.#tasks.set(ref, { ...task, ...change })
  }

  /** With a status that is not pending the task has ended. */
  end(ref: string, status: ClientTask['status'], outcome: Partial<ClientTask>): void {
    this.change(ref, { ...outcome, status, progress: 1, finishedAtMs: this.#clock.now() })
  }

  remove(ref: string): boolean {
    return this.#tasks.delete(ref)
  }

  /** An operation that began as an asynchronous call. */
  noteOrigin(operation: string, origin: Origin): void {
    this.#origins.set(operation, origin)
  }

  originOf(operation: string): Origin | undefined {
    return this.#origins.get(operation)
  }

  /** From the clients' view; the engine keeps its record. @throws OPERATION_NOT_ALLOWED while it runs */
  hide(operation: Operation): void {
    if (!isEnded(operation))
      throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'the migration goes on; cancel it first')
    this.#removed.add(operation.id)
  }

  /** True for an operation that clients see as a task. */
  shows({ id, endedAtMs }: Operation): boolean {
    const isOld = endedAtMs !== null && this.#clock.now() - endedAtMs > endedKeptMs
    if (!isOld) return !this.#removed.has(id)
    this.#removed.delete(id)
    this.#origins.delete(id)
    return false
  }

  #tidy(): void {
    const nowMs = this.#clock.now()
    for (const [ref, { createdAtMs, finishedAtMs }] of this.#tasks) {
      const keptUntilMs =
        finishedAtMs === null ? createdAtMs + pendingKeptMs : finishedAtMs + endedKeptMs
      if (nowMs > keptUntilMs) this.#tasks.delete(ref)
    }
    // The oldest come first.
    for (const ref of this.#tasks.keys()) {
      if (this.#tasks.size < tasksMax) break
      this.#tasks.delete(ref)
    }
  }
}
