import type { Operation, StepRecord } from '../../model/operation.ts'

export interface TimelineRow {
  readonly name: string
  readonly state: StepRecord['state']
  /** What happens in it, in words. */
  readonly meaning: string
  readonly tookMs: number | null
  /** Where its bar lies, in parts of the whole; null while it waits. */
  readonly bar: { readonly from: number; readonly width: number } | null
  /** The VM stands still in it. */
  readonly isBlackout: boolean
  /** From here on it only goes forwards. */
  readonly isFirstBeyondReturn: boolean
}

const meanings: Readonly<Record<string, string>> = {
  queue: 'waits for its turn',
  check: 'asks both sides what could fail',
  reserve: 'the destination makes room',
  heartbeat: 'both sides begin to watch each other',
  adopt: 'takes over devices made without us',
  replicate: 'mirrors slide beneath the disks',
  synchronise: 'disks are copied while the VM runs',
  verify: 'both sides are compared, where that was asked for',
  arm: 'prepares the handover',
  memory: 'memory is sent while the VM runs',
  release: 'the source lets go of the disks',
  take: 'the destination takes them',
  start: 'the VM runs there',
  unmirror: 'the mirrors are taken out, or become replicas',
  keep: 'the copies become replicas',
  forget: 'the paused copy is removed',
  'put-away': "the source's disks are put away",
}

const blackoutSteps = new Set(['release', 'take', 'start'])
/** A step that takes no time is still to be seen. */
const smallestWidth = 0.004

export function timelineOf({ steps, startedAtMs, endedAtMs }: Operation, nowMs: number) {
  const untilMs = endedAtMs ?? Math.max(nowMs, ...steps.map((step) => step.endedAtMs ?? 0))
  const wholeMs = Math.max(1, untilMs - startedAtMs)
  return steps.map((step): TimelineRow => {
    const { name, state } = step
    const tookMs =
      step.startedAtMs === null ? null : Math.max(0, (step.endedAtMs ?? untilMs) - step.startedAtMs)
    const from = step.startedAtMs === null ? 0 : (step.startedAtMs - startedAtMs) / wholeMs
    return {
      ...{ name, state, tookMs, meaning: meanings[name] ?? '' },
      bar:
        tookMs === null
          ? null
          : {
              from: Math.min(Math.max(0, from), 1 - smallestWidth),
              width: Math.max(smallestWidth, Math.min(tookMs / wholeMs, 1 - from)),
            },
      isBlackout: blackoutSteps.has(name),
      isFirstBeyondReturn: name === 'release',
    }
  })
}

/** How long the VM has stood still so far, or did; null: it has not. */
export function blackoutOf(
  { steps, state }: Operation,
  pausedMs: number | null,
  nowMs: number,
): { readonly ms: number; readonly isOver: boolean } | null {
  if (pausedMs !== null) return { ms: pausedMs, isOver: true }
  const memory = steps.find(({ name }) => name === 'memory')
  if (state !== 'running' || memory?.state !== 'done' || memory.endedAtMs === null) return null
  return { ms: Math.max(0, nowMs - memory.endedAtMs), isOver: false }
}

export function meaningOf(step: string): string {
  return meanings[step] ?? step
}
