import { type MigrationDetails, migrationDetailsOf } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import { stateText, timelineView } from './operation-views.ts'
import { bar, bytes, duration, percent, plural, rate } from './quantities.ts'
import type { Style } from './style.ts'

/** The whole picture of a running operation, drawn anew at every change. */
export function liveView(operation: Operation, nowMs: number, style: Style): string {
  const details = migrationDetailsOf(operation)
  const elapsedMs = Math.max(0, (operation.endedAtMs ?? nowMs) - operation.startedAtMs)
  const head = [
    details === null ? style('bold', operation.kind) : title(details, style),
    stateText(operation.state, style),
    percent(operation.progress),
    duration(elapsedMs),
  ].join('  ')
  const lines = [head, timelineView(operation.steps, nowMs, style)]
  if (details !== null) lines.push(...details.disks.map((disk) => diskLine(disk, style)))
  if (details !== null && details.memory.sentBytes > 0) lines.push(memoryLine(details, style))
  if (details !== null && details.heartbeat.missed > 0) {
    lines.push(style('yellow', `${plural(details.heartbeat.missed, 'heartbeat')} missed`))
  }
  return lines.join('\n')
}

export function title({ vmName, from, to }: MigrationDetails, style: Style): string {
  const place = ({ pool, host }: { pool: string; host: string }) =>
    pool === '' ? host : `${pool}/${host}`
  return `${style('bold', vmName)}  ${place(from)} → ${place(to)}`
}

const barWidth = 24

function diskLine(disk: MigrationDetails['disks'][number], style: Style): string {
  const name = `disk ${disk.slot}`.padEnd(10)
  if (!disk.replicated)
    return `${name} ${style('dim', `stays on ${disk.sr}, which both hosts reach`)}`
  const fraction = 1 - disk.outOfSyncBytes / disk.sizeBytes
  const parts = [
    `${name} ${style('cyan', bar(fraction, barWidth))} ${percent(fraction).padStart(5)}`,
    disk.state,
    `${bytes(disk.sentBytes)} sent`,
    ...(disk.outOfSyncBytes > 0 ? [`${bytes(disk.outOfSyncBytes)} left`] : []),
    ...(disk.bytesPerSecond > 0 ? [rate(disk.bytesPerSecond)] : []),
    ...(disk.etaMs === null ? [] : [`done in ${duration(disk.etaMs)}`]),
  ]
  return parts.join('  ')
}

function memoryLine({ memory }: MigrationDetails, style: Style): string {
  const { sentBytes, totalBytes, bytesPerSecond } = memory
  const fraction = totalBytes === 0 ? 0 : sentBytes / totalBytes
  const parts = [
    `${'memory'.padEnd(10)} ${style('cyan', bar(fraction, barWidth))} ${percent(fraction).padStart(5)}`,
    `${bytes(sentBytes)} of ${bytes(totalBytes)} sent`,
    ...(bytesPerSecond > 0 ? [rate(bytesPerSecond)] : []),
  ]
  return parts.join('  ')
}

/** How it ended: what a person wants to know, and the figures. */
export function outcomeView(operation: Operation, style: Style): string {
  const details = migrationDetailsOf(operation)
  const tookMs = (operation.endedAtMs ?? operation.startedAtMs) - operation.startedAtMs
  const name = details?.vmName ?? operation.subject
  switch (operation.state) {
    case 'succeeded':
      return details === null
        ? style('green', `${operation.kind} of ${name} done in ${duration(tookMs)}`)
        : succeeded(details, tookMs, style)
    case 'cancelled':
      return style('yellow', `Cancelled. ${whereItRuns(details, name)}; everything was taken back.`)
    case 'failed':
      return `${style('red', `${operation.kind} of ${name} failed.`)} ${whereItRuns(details, name)}.`
    default:
      return `${operation.kind} of ${name} is ${operation.state}`
  }
}

function whereItRuns(details: MigrationDetails | null, name: string): string {
  if (details === null) return `${name} is as it was`
  if (!details.released) return `${name} runs on at ${details.from.host}`
  return `${name} had been released to ${details.to.host}: look there, and at this operation on both hosts`
}

function succeeded(details: MigrationDetails, tookMs: number, style: Style): string {
  const { figures, vmName, to, keptDisks, disks } = details
  const known = (label: string, ms: number | null) =>
    ms === null ? [] : [`${label} ${duration(ms)}`]
  const lines = [
    style('green', `${vmName} runs on ${to.pool === '' ? to.host : `${to.pool}/${to.host}`}.`),
    [
      `took ${duration(figures.totalMs ?? tookMs)}`,
      ...known('paused', figures.pausedMs),
      ...known('disks handed over in', figures.handoverMs),
      `${bytes(figures.bytesReplicated)} replicated${inTheClear(disks)}`,
    ].join(', '),
  ]
  if (keptDisks.length > 0) lines.push(`kept at the source: ${keptDisks.join(', ')}`)
  return lines.join('\n')
}

/** Only what may surprise: disks are encrypted on their way unless somebody has switched it off. */
function inTheClear(disks: MigrationDetails['disks']): string {
  return disks.some(({ encrypted }) => encrypted === false) ? ' in the clear' : ''
}
