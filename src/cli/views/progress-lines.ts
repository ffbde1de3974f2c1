import { type MigrationDetails, migrationDetailsOf } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import { inSync, title } from './migration-view.ts'
import { bytes, duration, percent, rate } from './quantities.ts'
import { plainStyle } from './style.ts'

/**
 * What to say when there is no terminal: one line per change that matters, so that a log stays
 * short. `previous` is null for the first document.
 */
export function progressLines(previous: Operation | null, current: Operation): readonly string[] {
  const before = previous === null ? null : migrationDetailsOf(previous)
  const now = migrationDetailsOf(current)
  return [
    ...(previous === null ? [`${current.kind} ${current.id} ${current.state}`] : []),
    ...(before === null && now !== null ? [title(now, plainStyle)] : []),
    ...stepLines(previous, current),
    ...(previous !== null && previous.state !== current.state ? [current.state] : []),
    ...(now === null ? [] : diskLines(before, now)),
    ...(now === null ? [] : memoryLines(before, now)),
  ]
}

function stepLines(previous: Operation | null, current: Operation): string[] {
  return current.steps.flatMap((step, index) => {
    const before = previous?.steps[index]
    if (step.state === (before?.state ?? 'waiting')) return []
    const tookMs =
      step.startedAtMs === null || step.endedAtMs === null
        ? null
        : step.endedAtMs - step.startedAtMs
    return [`${step.name}: ${step.state}${tookMs === null ? '' : ` (${duration(tookMs)})`}`]
  })
}

/** Tenths that are done; a line for each is enough. */
const tenths = (done: number, total: number) => (total === 0 ? 0 : Math.floor((done / total) * 10))

function diskLines(before: MigrationDetails | null, now: MigrationDetails): string[] {
  return now.disks
    .filter(({ replicated }) => replicated)
    .flatMap((disk) => {
      const last = before?.disks.find(({ slot }) => slot === disk.slot)
      const done = inSync(disk)
      const lastDone = last === undefined ? 0 : inSync(last)
      const isNews = disk.state !== last?.state || tenths(done, 1) !== tenths(lastDone, 1)
      if (!isNews) return []
      const eta = !disk.etaMs ? '' : `, done in ${duration(disk.etaMs)}`
      const speed = disk.bytesPerSecond === 0 ? '' : `, ${rate(disk.bytesPerSecond)}`
      return [`disk ${disk.slot}: ${disk.state}, ${percent(done)} in sync${speed}${eta}`]
    })
}

function memoryLines(before: MigrationDetails | null, now: MigrationDetails): string[] {
  const { sentBytes, totalBytes, bytesPerSecond, etaMs } = now.memory
  const last = before?.memory ?? { sentBytes: 0, totalBytes: 0 }
  if (tenths(sentBytes, totalBytes) === tenths(last.sentBytes, last.totalBytes)) return []
  const eta = etaMs === null ? '' : `, all sent once in ${duration(etaMs)}`
  return [`memory: ${bytes(sentBytes)} of ${bytes(totalBytes)} sent, ${rate(bytesPerSecond)}${eta}`]
}
