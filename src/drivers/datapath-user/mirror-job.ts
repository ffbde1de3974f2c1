import { z } from 'zod'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import type { Clock } from '../../ports/clock.ts'
import { within } from '../../ports/deadlines.ts'
import { granularityBytes } from './bitmaps.ts'
import { unlessRefused } from './block-commands.ts'
import { nodes } from './block-nodes.ts'
import type { DiskServers } from './disk-servers.ts'

/** They are the names of the jobs, since QEMU does not tell the mode of one. At most one of them is there. */
const jobKinds = ['mirror', 'bulk'] as const
type JobKind = (typeof jobKinds)[number]

/** In QEMU's words. */
const unlimited = 0

const jobsSchema = z.array(
  z.object({
    device: z.string(),
    status: z.string(),
    offset: z.int(),
    len: z.int(),
    error: z.string().optional(),
    'io-status': z.enum(['ok', 'failed', 'nospace']),
  }),
)

export interface MirrorJob {
  /** `mirror`: a write is acknowledged when both sides have it. `bulk`: it copies behind the VM's back, which waits for nothing. */
  readonly kind: JobKind
  /** Everything has been copied; in a bulk copy but for what has been written meanwhile. */
  readonly isReady: boolean
  readonly hasEnded: boolean
  /** Why it has ended, or stands still for good, if that was not asked for. */
  readonly error: string | null
  readonly copiedBytes: number
  readonly leftBytes: number
}

/** Why a job that an error has stopped stands still. */
const stoppedFor = {
  ok: null,
  failed: 'something could not be read or written',
  nospace: 'No space left on device',
} as const

/** As QEMU tells of it, in the one language that its processes are started with. */
export function isForLackOfRoom(reason: string): boolean {
  return /No space left on device/.test(reason)
}

/** The mirror that runs, or has run and was not forgotten yet. */
export async function findJob(qmp: Qmp): Promise<MirrorJob | null> {
  const jobs = jobsSchema.parse(await qmp.execute('query-block-jobs'))
  const job = jobs.find(({ device }) => kindOf(device))
  const kind = kindOf(job?.device)
  if (!job || !kind) return null
  const { status } = job
  const error = job.error ?? stoppedFor[job['io-status']]
  return {
    kind,
    // `standby` is a ready one that pauses for a moment.
    isReady: error === null && (status === 'ready' || status === 'standby'),
    hasEnded: status === 'concluded',
    error,
    copiedBytes: job.offset,
    leftBytes: Math.max(0, job.len - job.offset),
  }
}

function kindOf(id: unknown): JobKind | undefined {
  return jobKinds.find((kind) => kind === id)
}

/**
 * A write is acknowledged when both sides have it. `sync`: 'none' where they are the same already, or something else copies.
 *
 * An error only stops it, and it must be ended while nothing is written: when such a job ends, QEMU frees what
 * writes that are under way still use, and its memory is spoilt
 * (`in_flight_bitmap` in https://gitlab.com/qemu-project/qemu/-/blob/v7.2.22/block/mirror.c).
 */
export async function startMirror(qmp: Qmp, sync: 'full' | 'none'): Promise<void> {
  const atErrors = { 'on-source-error': 'stop', 'on-target-error': 'stop' }
  await start(qmp, 'mirror', { sync, 'copy-mode': 'write-blocking', ...atErrors })
}

/** Copies everything. What is written meanwhile is copied later, so the VM waits neither for the link nor for the copy. */
export async function startBulk(qmp: Qmp, bytesPerSecondMax: number | null): Promise<void> {
  const speed = bytesPerSecondMax ?? unlimited
  await start(qmp, 'bulk', { sync: 'full', 'copy-mode': 'background', speed })
}

async function start(
  qmp: Qmp,
  kind: JobKind,
  how: Readonly<Record<string, unknown>>,
): Promise<void> {
  await qmp.execute('blockdev-mirror', {
    ...{ 'job-id': kind, device: nodes.vm, target: nodes.target, ...how },
    ...{ 'filter-node-name': nodes.filter, granularity: granularityBytes },
    // How it ended must be known also to a program that was not there.
    'auto-dismiss': false,
  })
}

export async function limitJob(qmp: Qmp, bytesPerSecondMax: number | null): Promise<void> {
  const speed = bytesPerSecondMax ?? unlimited
  for (const device of jobKinds)
    await unlessRefused(/not found/i, () => qmp.execute('block-job-set-speed', { device, speed }))
}

interface JobListener {
  /** Its state is another. */
  changed?(status: string): void
  /** It could not read or write something; a mirror `standsStill` then. */
  failed?(operation: string, standsStill: boolean): void
}

/** Answers how to stop. */
export function watchJob(qmp: Qmp, listener: JobListener): () => void {
  return qmp.onEvent(({ name, data }) => {
    if (name === 'JOB_STATUS_CHANGE' && kindOf(data.id)) listener.changed?.(String(data.status))
    if (name === 'BLOCK_JOB_ERROR' && kindOf(data.device))
      listener.failed?.(String(data.operation), data.action === 'stop')
  })
}

/** What QEMU says of one that was ended by force, and had no other reason to end. */
export function isForced(reason: string): boolean {
  return reason === 'Operation canceled'
}

/**
 * Ends it; nothing may be written meanwhile if it is a mirror. Unforced, a ready one first copies what is left
 * and flushes the target; then it has no error, and both sides are the same. One that an error stops on the
 * way is ended by force. Answers what it came to; null: there is none.
 */
export async function endJob(
  qmp: Qmp,
  clock: Clock,
  timeoutMs: number,
  isForced: boolean,
): Promise<MirrorJob | null> {
  let stop = () => {}
  const over = new Promise<void>((resolve) => {
    stop = watchJob(qmp, {
      changed: (status) => void (status === 'concluded' && resolve()),
      failed: (_, standsStill) => void (standsStill && !isForced && resolve()),
    })
  })
  try {
    const job = await findJob(qmp)
    if (job === null || job.hasEnded) return job
    if (!isForced && job.error !== null) return await giveUp(job.error)
    await unlessRefused(/concluded|not found|currently paused/i, () =>
      qmp.execute('block-job-cancel', { device: job.kind, force: isForced }),
    )
    await within(clock, timeoutMs, 'the end of the mirror', Promise.race([over, qmp.closed]))
    const left = await findJob(qmp)
    return left === null || left.hasEnded ? left : await giveUp(left.error)
  } finally {
    stop()
  }

  async function giveUp(failure: string | null): Promise<MirrorJob | null> {
    const ended = await endJob(qmp, clock, timeoutMs, true)
    return ended && { ...ended, error: failure ?? ended.error }
  }
}

/** `clear` ends whatever job there is. While it ends a mirror the VM waits, since nothing may be written then. */
export async function endingJob(
  servers: DiskServers,
  vdi: string,
  clear: () => Promise<void>,
): Promise<void> {
  const job = await findJob(servers.daemon(vdi).qmp)
  if (job?.kind === 'mirror' && !job.hasEnded) await servers.holding(vdi, clear)
  else await clear()
}

/** Forgets one that has ended. */
export async function dismissJob(qmp: Qmp): Promise<void> {
  for (const id of jobKinds)
    await unlessRefused(/not found/i, () => qmp.execute('job-dismiss', { id }))
}

/** The connection to the target's data. */
export async function addTarget(qmp: Qmp, socket: string): Promise<void> {
  await qmp.execute('blockdev-add', {
    ...{ driver: 'nbd', 'node-name': nodes.target, export: 'data' },
    server: { type: 'unix', path: socket },
    // What is zero at the source takes no room on the link, nor at the target.
    ...{ discard: 'unmap', 'detect-zeroes': 'unmap' },
  })
}

export async function removeTarget(qmp: Qmp): Promise<void> {
  await unlessRefused(/Failed to find node/, () =>
    qmp.execute('blockdev-del', { 'node-name': nodes.target }),
  )
}
