import type { Clock } from '../../src/ports/clock.ts'

/** What happens at each point of a daemon: there is one before and one after each call of a port. */
export interface LifeHooks {
  /** May end the life. */
  onPoint(act: string, moment: 'before' | 'after'): void
  turn(): Promise<void>
}

/**
 * One run of a daemon's program, from its start to its crash. After that nothing of it has an
 * effect: each of its calls stays without an answer, and none is made any more.
 */
export class Life {
  readonly #hooks: LifeHooks
  readonly #onEnd = new Set<() => void>()
  #isOver = false

  constructor(hooks: LifeHooks) {
    this.#hooks = hooks
  }

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
    for (const listener of this.#onEnd) listener()
    this.#onEnd.clear()
  }

  onEnd(listener: () => void): () => void {
    this.#onEnd.add(listener)
    return () => void this.#onEnd.delete(listener)
  }

  /** One call of a port. */
  async around<Result>(act: string, work: () => Promise<Result> | Result): Promise<Result> {
    await this.#pass(act, 'before')
    try {
      return await work()
    } finally {
      await this.#pass(act, 'after')
    }
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, signal) => this.alive(clock.sleep(ms, signal)),
    }
  }

  /** The same promise, of which a life that is over hears nothing. */
  async alive<Result>(promise: Promise<Result>): Promise<Result> {
    try {
      return await promise
    } finally {
      if (this.#isOver) await never()
    }
  }

  /** The same port, each of its calls, and each call of the handles that it answers, in this life's hands. */
  guard<Port extends object>(name: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof key !== 'string') return value
        if (value instanceof Promise) return this.alive(value)
        if (typeof value !== 'function') return value
        if (key.startsWith('watch'))
          return (...args: unknown[]) => Reflect.apply(value, target, this.#listening(args))
        return (...args: unknown[]) =>
          this.around(`${name}.${key}`, () => Reflect.apply(value, target, args)).then((result) =>
            isHandle(result) ? this.guard(name, result) : result,
          )
      },
    })
  }

  #listening(args: readonly unknown[]): unknown[] {
    return args.map((argument) =>
      typeof argument !== 'function'
        ? argument
        : (...event: unknown[]) => {
            if (!this.#isOver) Reflect.apply(argument, undefined, event)
          },
    )
  }

  async #pass(act: string, moment: 'before' | 'after'): Promise<void> {
    if (!this.#isOver) this.#hooks.onPoint(act, moment)
    if (!this.#isOver) await this.#hooks.turn()
    if (this.#isOver) await never()
  }
}

/** Something with methods of its own: a VM on its way, not a document. */
function isHandle(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).some((member) => typeof member === 'function')
  )
}

/** A promise of its own for each who waits, so that none keeps the others alive. */
export function never(): Promise<never> {
  return new Promise(() => {})
}
