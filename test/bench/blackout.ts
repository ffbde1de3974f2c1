import type { Observation } from '../lab/network/guest-report.ts'
import type { Mark } from './contender.ts'

export interface Span {
  readonly beganMs: number
  readonly endedMs: number
}

/** From the last that was heard of the guest where it was, until the first from where it is now. */
export function blackoutOf(observations: readonly Observation[]): Span {
  const left = observations[0]?.host
  const first = observations.findIndex(({ host }) => host !== left)
  const [last, next] = [observations[first - 1], observations[first]]
  if (!last || !next) throw new Error('the guest was not heard on both sides')
  return { beganMs: last.arrivedMs, endedMs: next.arrivedMs }
}

export interface Segment {
  readonly name: string
  readonly ms: number
}

/** What a span of time was made of. Before the first mark nothing is known of it, after the last one it goes on. */
export function anatomyOf(span: Span, marks: readonly Mark[]): readonly Segment[] {
  return marks.flatMap(({ name, atMs }, index) => {
    const from = Math.max(atMs, span.beganMs)
    const to = Math.min(marks[index + 1]?.atMs ?? span.endedMs, span.endedMs)
    return to > from ? [{ name, ms: to - from }] : []
  })
}

/** How long each write took that was acknowledged within the span, flush included. */
export function latenciesUs(observations: readonly Observation[], span: Span): readonly number[] {
  let acknowledged = 0
  return observations.flatMap(({ arrivedMs, report }) => {
    const disk = report.disks[0]
    if (!disk || disk.acknowledged === acknowledged) return []
    acknowledged = disk.acknowledged
    return arrivedMs >= span.beganMs && arrivedMs < span.endedMs ? [disk.lastWriteUs] : []
  })
}
