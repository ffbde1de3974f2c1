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

export type Goal = { readonly atMost: number } | { readonly atLeast: number }

export function metric(name: string, value: number, unit: Metric['unit'], goal?: Goal): Metric {
  const rounded = Number(value.toPrecision(4))
  if (!goal) return { name, value: rounded, unit }
  const words = 'atMost' in goal ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`
  // Judged as measured, not as rounded.
  const met = 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
  return { name, value: rounded, unit, goal: words, met }
}

export interface JudgedGoal {
  readonly value: number
  readonly goal: number
  readonly better: 'lower' | 'higher'
  readonly met: boolean
}

/** What of them has a goal, by name. */
export function goalsOf(metrics: readonly Metric[]): Readonly<Record<string, JudgedGoal>> {
  const judged = metrics.flatMap(({ name, value, goal, met }) => {
    const [, bound, limit] = /^at (most|least) (\S+)$/.exec(goal ?? '') ?? []
    if (met === undefined || limit === undefined) return []
    const better = bound === 'most' ? ('lower' as const) : ('higher' as const)
    return [[name, { value, goal: Number(limit), better, met }] as const]
  })
  return Object.fromEntries(judged)
}
