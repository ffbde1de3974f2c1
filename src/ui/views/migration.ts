import { bytes, duration, plural } from '../../lib/quantities.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { modeTexts } from './kept.ts'
import { meaningOf } from './timeline.ts'

export function fromTo({ from, to }: MigrationDetails): { from: string; to: string } {
  const name = ({ pool, host }: { pool: string; host: string }) =>
    pool === '' ? host : `${pool}/${host}`
  return { from: name(from), to: name(to) }
}

/** False where the VM stays, and only its disks are copied. */
export function isOfMemory({ steps }: Operation): boolean {
  return steps.some(({ name }) => name === 'memory')
}

/** One sentence on where it is, for the head of the page and for whoever listens. */
export function sentenceOf(operation: Operation, details: MigrationDetails): string {
  const { from, to } = fromTo(details)
  const { vmName: vm, released } = details
  switch (operation.state) {
    case 'queued':
      return `${vm} waits for its turn.`
    case 'succeeded':
      return isOfMemory(operation)
        ? `${vm} runs on ${to}.`
        : `${to} keeps replicas of ${vm}, which runs on at ${from}.`
    case 'cancelled':
      return `Cancelled: ${vm} runs on at ${from}; everything was taken back.`
    case 'failed':
      return released
        ? `${vm} had been released to ${to}: look at this operation on both hosts, and at crosspool recover.`
        : `Failed: ${vm} runs on at ${from}; everything was taken back.`
    case 'undoing':
      return `Everything is taken back; ${vm} stays on ${from}.`
    case 'running': {
      const step = operation.steps.find(({ state }) => state === 'running')
      return step ? `${capital(step.name)}: ${meaningOf(step.name)}.` : 'It begins.'
    }
  }
}

/** Before its mirror stands, all of a disk is still to be copied. */
export function outOfSyncOf({ replicated, state, sizeBytes, outOfSyncBytes }: DiskDetails): number {
  if (!replicated) return 0
  return ['waiting', 'offered', 'connecting'].includes(state) ? sizeBytes : outOfSyncBytes
}

type DiskDetails = MigrationDetails['disks'][number]

export interface CancelView {
  readonly isPossible: boolean
  readonly consequences: readonly string[]
}

/** What a cancel would do now; null when there is nothing to cancel any more. */
export function cancelOf(operation: Operation, details: MigrationDetails): CancelView | null {
  if (isEnded(operation)) return null
  const { from, to } = fromTo(details)
  const vm = details.vmName
  const isBeyond = ['release', 'take', 'start', 'unmirror', 'forget', 'put-away'].some((name) =>
    operation.steps.some((step) => step.name === name && step.state !== 'waiting'),
  )
  if (operation.state === 'undoing')
    return { isPossible: false, consequences: ['It is being taken back already.'] }
  if (details.released || isBeyond) {
    const consequences = [
      `Too late: ${vm} has been released to ${to}, and the migration only goes forwards.`,
      'Let it end, then migrate back.',
    ]
    return { isPossible: false, consequences }
  }
  const copied = details.disks.some(({ sentBytes }) => sentBytes > 0)
  return {
    isPossible: true,
    consequences: [
      `${vm} runs on at ${from} as if nothing had been.`,
      copied
        ? `What has been copied to ${to} is removed; another attempt copies it again.`
        : `What was reserved at ${to} is given back.`,
    ],
  }
}

/** What held, for the report: each line is something that was looked at, not hoped for. */
export function verifiedOf(operation: Operation, details: MigrationDetails): readonly string[] {
  const isDone = (name: string) =>
    operation.steps.some((step) => step.name === name && step.state === 'done')
  const { checks, disks, heartbeat, epoch, keep, verification } = details
  const count = (result: string) => checks.filter((check) => check.result === result).length
  const warnings = count('warning')
  const replicated = disks.filter((disk) => disk.replicated).length
  return [
    ...(checks.length > 0
      ? [
          `${plural(count('passed'), 'check')} passed before it began${warnings === 0 ? '' : `, ${plural(warnings, 'warning')}`}.`,
        ]
      : []),
    ...(replicated > 0 && isDone('synchronise')
      ? [
          `${plural(replicated, 'disk')} the same on both sides${isOfMemory(operation) ? ' before memory moved' : ''}.`,
        ]
      : []),
    ...(verification === null
      ? []
      : [
          `${bytes(verification.comparedBytes)} compared by ${verification.algorithm}: none differ.`,
        ]),
    ...(isDone('release')
      ? ['The source had let go of every disk before the destination took it.']
      : []),
    ...(isDone('take')
      ? [`The destination wrote down that it owns the VM, at epoch ${epoch}.`]
      : []),
    ...(heartbeat.sequence > 0
      ? [`${plural(heartbeat.sequence, 'heartbeat')}, ${heartbeat.missed} missed.`]
      : []),
    ...(isDone('unmirror') && keep === null ? ['The mirrors were taken out on both sides.'] : []),
    ...(keep !== null && (isDone('unmirror') || isDone('keep'))
      ? [`Replicas are kept, ${modeTexts[keep.mode]}.`]
      : []),
  ]
}

export interface LogLine {
  readonly atMs: number
  readonly text: string
}

/** What happened when, the newest first. */
export function logOf(operation: Operation): readonly LogLine[] {
  // Each step begins when the one before it ends, so only what still runs is said to have begun.
  const lines = operation.steps.flatMap(({ name, state, startedAtMs, endedAtMs }) => {
    if (startedAtMs === null) return []
    if (endedAtMs === null) return [{ atMs: startedAtMs, text: `${name} began` }]
    return [
      { atMs: endedAtMs, text: `${name} ${state} after ${duration(endedAtMs - startedAtMs)}` },
    ]
  })
  const end =
    operation.endedAtMs === null ? [] : [{ atMs: operation.endedAtMs, text: operation.state }]
  return [{ atMs: operation.startedAtMs, text: 'asked for' }, ...lines, ...end]
    .map((line, index) => ({ ...line, index }))
    .sort((a, b) => b.atMs - a.atMs || b.index - a.index)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
