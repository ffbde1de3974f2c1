/** The middle of them; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Linear between the two nearest values. @throws when there are no values: nothing was measured then */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error('there are no values')
  const sorted = [...values].sort((a, b) => a - b)
  const place = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}
