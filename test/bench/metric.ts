/** One figure of a benchmark. Ratios are what counts: the rest depends on the machine. */
export interface Metric {
  /** What was measured, from the general to the particular, with dots between. */
  readonly name: string
  readonly value: number
  /** "ratio" for a quotient of two figures of the same run. */
  readonly unit: 'ratio' | 'ms' | 'us' | 'bytes' | 'bytes/s' | '1/s'
  /** "at most 1.05", "at least 0.9" */
  readonly goal?: string
  readonly met?: boolean
}

export interface Goal {
  readonly atMost?: number
  readonly atLeast?: number
}

export function metric(name: string, value: number, unit: Metric['unit'], goal?: Goal): Metric {
  const rounded = Number(value.toPrecision(4))
  if (!goal) return { name, value: rounded, unit }
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal
  const words = [
    ...(goal.atLeast === undefined ? [] : [`at least ${goal.atLeast}`]),
    ...(goal.atMost === undefined ? [] : [`at most ${goal.atMost}`]),
  ]
  // Judged as measured, not as rounded.
  const met = value >= atLeast && value <= atMost
  return { name, value: rounded, unit, goal: words.join(', '), met }
}
