/**
 * Faults on request for simulated drivers. A driver passes each of its acts through `around`, so
 * that an act can be made to fail, or its caller to crash before or after it.
 */
export interface Faults {
  /** The next `times` acts of this name fail with `error` and do nothing. */
  failNext(act: string, error: Error, times?: number): void
  /**
   * After `points` more points (there is one before and one after each act) the caller has crashed:
   * nothing that it still tries takes effect, until `recover`.
   */
  crashAfter(points: number): void
  readonly hasCrashed: boolean
  recover(): void
  /** Names of all acts so far, in order. */
  readonly acts: readonly string[]
  around<Result>(act: string, perform: () => Promise<Result> | Result): Promise<Result>
}

class SimulatedCrash extends Error {
  constructor() {
    super('simulated crash')
    this.name = 'SimulatedCrash'
  }
}

export function createFaults(): Faults {
  const failures: { readonly act: string; readonly error: Error; times: number }[] = []
  const acts: string[] = []
  let pointsLeft = Number.POSITIVE_INFINITY
  let hasCrashed = false

  function pass(): void {
    if (!hasCrashed && pointsLeft <= 0) hasCrashed = true
    pointsLeft -= 1
    if (hasCrashed) throw new SimulatedCrash()
  }

  return {
    acts,
    get hasCrashed() {
      return hasCrashed
    },
    failNext: (act, error, times = 1) => void failures.push({ act, error, times }),
    crashAfter(points) {
      pointsLeft = points
    },
    recover() {
      pointsLeft = Number.POSITIVE_INFINITY
      hasCrashed = false
    },
    async around(act, perform) {
      pass()
      acts.push(act)
      const failure = failures.find((candidate) => candidate.act === act && candidate.times > 0)
      if (failure) {
        failure.times -= 1
        throw failure.error
      }
      const result = await perform()
      pass()
      return result
    },
  }
}
