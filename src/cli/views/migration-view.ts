import { type MigrationDetails, migrationDetailsOf } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { fitParts, wrapParts } from './fit.ts'
import { stateText, timelineView } from './operation-views.ts'
import { bar, bytes, duration, latency, percent, rate } from './quantities.ts'
import type { Style } from './style.ts'

/** The whole picture of a running operation, drawn anew at every change, no wider than `width`. */
export function liveView(
  operation: Operation,
  nowMs: number,
  style: Style,
  width: number | null = null,
): string {
  const details = migrationDetailsOf(operation)
  const elapsedMs = Math.max(0, (operation.endedAtMs ?? nowMs) - operation.startedAtMs)
  const head = wrapParts(
    [
      details === null ? style('bold', operation.kind) : title(details, style),
      stateText(operation.state, style),
      percent(operation.progress),
      duration(elapsedMs),
    ],
    width,
  )
  const lines = [head, timelineView(operation.steps, nowMs, style, width)]
  if (details === null) {
    const { progress } = operation
    if (!isEnded(operation)) lines.push(barAndPercent('progress', progress, style, width))
    return lines.join('\n')
  }
  lines.push(...details.disks.map((disk) => diskLine(disk, style, width)))
  if (details.memory.sentBytes > 0) lines.push(memoryLine(details, style, width))
  if (details.heartbeat.sequence > 0) lines.push(heartbeatLine(details, style, width))
  return lines.join('\n')
}

export function title({ vmName, from, to }: MigrationDetails, style: Style): string {
  const place = ({ pool, host }: { pool: string; host: string }) =>
    pool === '' ? host : `${pool}/${host}`
  return `${style('bold', vmName)}  ${place(from)} → ${place(to)}`
}

const barWidthMax = 24
/** A shorter one tells nothing that the percentage does not. */
const barWidthMin = 8

/** At most a quarter of the line. */
function barAndPercent(name: string, fraction: number, style: Style, width: number | null): string {
  const barWidth = width === null ? barWidthMax : Math.min(barWidthMax, Math.floor(width / 4))
  const picture = barWidth < barWidthMin ? '' : ` ${style('cyan', bar(fraction, barWidth))}`
  return `${name.padEnd(10)}${picture} ${percent(fraction).padStart(5)}`
}

type Disk = MigrationDetails['disks'][number]

function diskLine(disk: Disk, style: Style, width: number | null): string {
  const name = `disk ${disk.slot}`
  if (!disk.replicated) {
    const stays = `stays on ${disk.sr}, which both hosts reach`
    return `${name.padEnd(10)} ${style('dim', stays)}`
  }
  const fraction = inSync(disk)
  const { nowUs } = disk.writeLatency
  const parts = [
    barAndPercent(name, fraction, style, width),
    disk.state,
    ...(disk.bytesPerSecond > 0 ? [rate(disk.bytesPerSecond)] : []),
    ...(!disk.etaMs ? [] : [`done in ${duration(disk.etaMs)}`]),
    ...(disk.outOfSyncBytes > 0 ? [`${bytes(disk.outOfSyncBytes)} left`] : []),
    ...(nowUs === null ? [] : [`writes take ${latency(nowUs)}`]),
    `${bytes(disk.sentBytes)} sent`,
  ]
  return fitParts(parts, width)
}

/** Before the two sides have met nobody knows what is out of sync: nothing is in it. */
export function inSync({ state, sizeBytes, outOfSyncBytes }: Disk): number {
  return state === 'waiting' || state === 'connecting' ? 0 : 1 - outOfSyncBytes / sizeBytes
}

function memoryLine({ memory }: MigrationDetails, style: Style, width: number | null): string {
  const { sentBytes, totalBytes, bytesPerSecond, etaMs, passes, crossedBytes } = memory
  const fraction = totalBytes === 0 ? 0 : sentBytes / totalBytes
  const parts = [
    barAndPercent('memory', fraction, style, width),
    ...(passes === null ? [] : [`pass ${passes}`]),
    ...(bytesPerSecond > 0 ? [rate(bytesPerSecond)] : []),
    ...(etaMs === null ? [] : [`all sent once in ${duration(etaMs)}`]),
    `${bytes(sentBytes)} of ${bytes(totalBytes)} sent`,
    ...(crossedBytes === null ? [] : [`as ${bytes(crossedBytes)} across the link`]),
  ]
  return fitParts(parts, width)
}

function heartbeatLine(
  { heartbeat }: MigrationDetails,
  style: Style,
  width: number | null,
): string {
  const { roundTripMs, missed } = heartbeat
  const parts = [
    `${'heartbeat'.padEnd(10)} ${duration(roundTripMs)} there and back`,
    ...(missed > 0 ? [style('yellow', `${missed} missed`)] : []),
  ]
  return fitParts(parts, width)
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
        : succeeded(operation, details, tookMs, style)
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

function succeeded(
  { kind }: Operation,
  details: MigrationDetails,
  tookMs: number,
  style: Style,
): string {
  const { figures, vmName, from, to, keptDisks, disks, keep, memory, verification } = details
  const there = to.pool === '' ? to.host : `${to.pool}/${to.host}`
  const known = (label: string, ms: number | null) =>
    ms === null ? [] : [`${label} ${duration(ms)}`]
  const lines = [
    style(
      'green',
      kind === 'replicate'
        ? `${vmName} stays at ${from.host}; ${there} keeps replicas of its disks.`
        : `${vmName} runs on ${there}.`,
    ),
    [
      `took ${duration(figures.totalMs ?? tookMs)}`,
      ...known('paused', figures.pausedMs),
      ...known('disks handed over in', figures.handoverMs),
      `${bytes(figures.bytesReplicated)} replicated${inTheClear(disks)}`,
    ].join(', '),
  ]
  if (figures.memoryBytesCrossed !== null)
    lines.push(
      `${bytes(memory.sentBytes)} of memory crossed the link as ${bytes(figures.memoryBytesCrossed)}`,
    )
  lines.push(...disks.flatMap(writesLine))
  if (verification !== null) lines.push(compared(verification))
  const how = keep === null ? 'kept at the source' : `kept at the source as replicas (${keep.mode})`
  if (keptDisks.length > 0) lines.push(`${how}: ${keptDisks.join(', ')}`)
  return lines.join('\n')
}

/** What the guest has noticed of it; nothing where nothing is known. */
function writesLine({ slot, writeLatency }: Disk): string[] {
  const { beforeUs, duringUs, afterUs } = writeLatency
  const known = (us: number | null, when: string) => (us === null ? [] : [`${latency(us)} ${when}`])
  if (duringUs === null) return []
  const parts = [
    ...known(beforeUs, 'before'),
    ...known(duringUs, 'meanwhile'),
    ...known(afterUs, 'after'),
  ]
  return [`a write to ${slot} took ${parts.join(', ')}`]
}

function compared({
  comparedBytes,
  algorithm,
  tookMs,
}: NonNullable<MigrationDetails['verification']>) {
  return `both sides compared before the memory moved: ${bytes(comparedBytes)} by ${algorithm} in ${duration(tookMs)}, all the same`
}

/** Only what may surprise: disks are encrypted on their way unless somebody has switched it off. */
function inTheClear(disks: MigrationDetails['disks']): string {
  return disks.some(({ encrypted }) => encrypted === false) ? ' in the clear' : ''
}
