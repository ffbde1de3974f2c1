import { isDeepStrictEqual } from 'node:util'
import type { XenRecord } from '../classes/describe-class.ts'
import { type ClassName, classNames } from '../classes/index.ts'
import type { XenObject } from './objects.ts'

export interface Change {
  readonly operation: 'add' | 'mod' | 'del'
  readonly className: ClassName
  readonly ref: string
  readonly generation: number
  /** Null: deleted. */
  readonly record: XenRecord | null
}

interface Held {
  readonly object: XenObject
  readonly createdAt: number
  readonly changedAt: number
}

interface Gone {
  readonly className: ClassName
  readonly ref: string
  readonly createdAt: number
  readonly goneAt: number
}

const goneKept = 2_000

/**
 * The objects as they were last seen, and the generation at which each was added, changed or went.
 * Kept nowhere: generations begin with the time, so that those of an earlier run are all too old.
 */
export class ChangeLog {
  #generation: number
  /** What went before it is forgotten. */
  #completeFrom: number
  #held = new Map<string, Held>()
  #gone: Gone[] = []

  constructor(startMs: number) {
    this.#generation = startMs
    this.#completeFrom = startMs
  }

  get generation(): number {
    return this.#generation
  }

  find(className: ClassName, ref: string): XenRecord | undefined {
    const held = this.#held.get(ref)
    return held?.object.className === className ? held.object.record : undefined
  }

  all(className: ClassName): XenObject[] {
    return [...this.#held.values()]
      .map(({ object }) => object)
      .filter((o) => o.className === className)
  }

  counts(): Readonly<Record<string, number>> {
    const counts = Object.fromEntries(classNames.map((name) => [name.toLowerCase(), 0]))
    for (const { object } of this.#held.values()) {
      const name = object.className.toLowerCase()
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  /** Takes what there is now; everything that differs gets one new generation. Answers whether anything did. */
  update(objects: readonly XenObject[]): boolean {
    const next = this.#generation + 1
    const held = new Map<string, Held>()
    let hasChanged = false
    for (const object of objects) {
      const before = this.#held.get(object.ref)
      if (before && isDeepStrictEqual(before.object, object)) {
        held.set(object.ref, before)
        continue
      }
      held.set(object.ref, { object, createdAt: before?.createdAt ?? next, changedAt: next })
      hasChanged = true
    }
    for (const [ref, { object, createdAt }] of this.#held) {
      if (held.has(ref)) continue
      this.#gone.push({ className: object.className, ref, createdAt, goneAt: next })
      hasChanged = true
    }
    if (!hasChanged) return false
    this.#held = held
    this.#generation = next
    const forgotten = this.#gone.splice(0, Math.max(0, this.#gone.length - goneKept))
    this.#completeFrom = forgotten.at(-1)?.goneAt ?? this.#completeFrom
    return true
  }

  /** Makes an object look changed. Answers the generation before. */
  touch(ref: string): number {
    const before = this.#generation
    const held = this.#held.get(ref)
    if (held) {
      this.#generation += 1
      this.#held.set(ref, { ...held, changedAt: this.#generation })
    }
    return before
  }

  /** All changes after `generation`, at most one for each object; null when it is too old to tell. */
  since(generation: number): Change[] | null {
    if (generation !== 0 && generation < this.#completeFrom) return null
    const wentSince = this.#gone.filter(
      ({ createdAt, goneAt }) => createdAt <= generation && goneAt > generation,
    )
    // What went and came back, as a VM does that is migrated to and fro, was never away for the client.
    const known = new Set(wentSince.map(({ ref }) => ref))
    const living = [...this.#held.values()]
      .filter(({ changedAt }) => changedAt > generation)
      .map(({ object: { className, ref, record }, createdAt, changedAt }): Change => {
        const operation = createdAt > generation && !known.has(ref) ? 'add' : 'mod'
        return { operation, className, ref, generation: changedAt, record }
      })
    const gone = wentSince
      .filter(({ ref }) => !this.#held.has(ref))
      .map(({ className, ref, goneAt }): Change => {
        return { operation: 'del', className, ref, generation: goneAt, record: null }
      })
    const order = ['add', 'mod', 'del']
    return [...living, ...gone].toSorted(
      (a, b) => order.indexOf(a.operation) - order.indexOf(b.operation),
    )
  }
}
