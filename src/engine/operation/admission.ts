/** Lets so many operations run at once for each thing that they load: a host, a link, an SR. */
export interface Admission {
  /**
   * Resolves when there is room at all of `things`. Who has waited longer goes first at each of
   * them, so that one who needs several things is never overtaken for ever. Answers how to leave.
   * @throws the signal's reason
   */
  enter(things: readonly string[], signal: AbortSignal): Promise<() => void>
  /** How many wait before one that would come now. */
  readonly waiting: number
}

interface Visitor {
  readonly things: readonly string[]
  readonly admit: () => void
}

/** `limitOf`: how many may be at a thing at once; null: any number. */
export function createAdmission(limitOf: (thing: string) => number | null): Admission {
  const inside = new Map<string, number>()
  const queue: Visitor[] = []

  const add = (counts: Map<string, number>, thing: string, difference: number) =>
    counts.set(thing, (counts.get(thing) ?? 0) + difference)

  function admitWhoFits(): void {
    const taken = new Map(inside)
    for (const visitor of [...queue]) {
      const fits = visitor.things.every(
        (thing) => (taken.get(thing) ?? 0) < (limitOf(thing) ?? Number.POSITIVE_INFINITY),
      )
      // A visitor who must wait keeps his place at each of his things.
      for (const thing of visitor.things) add(taken, thing, 1)
      if (!fits) continue
      queue.splice(queue.indexOf(visitor), 1)
      for (const thing of visitor.things) add(inside, thing, 1)
      visitor.admit()
    }
  }

  return {
    get waiting() {
      return queue.length
    },
    async enter(wanted, signal) {
      signal.throwIfAborted()
      const things = [...new Set(wanted)]
      await new Promise<void>((resolve, reject) => {
        const visitor: Visitor = { things, admit: () => done(resolve) }
        const giveUp = () => {
          queue.splice(queue.indexOf(visitor), 1)
          done(() => reject(signal.reason))
          admitWhoFits()
        }
        const done = (settle: () => void) => {
          signal.removeEventListener('abort', giveUp)
          settle()
        }
        signal.addEventListener('abort', giveUp, { once: true })
        queue.push(visitor)
        admitWhoFits()
      })
      let isInside = true
      return () => {
        if (!isInside) return
        isInside = false
        for (const thing of things) add(inside, thing, -1)
        admitWhoFits()
      }
    },
  }
}
