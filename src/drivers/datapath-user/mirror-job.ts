import { z } from 'zod'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import type { Clock } from '../../ports/clock.ts'
import { within } from '../../ports/deadlines.ts'
import { granularityBytes } from './bitmaps.ts'
import { unlessRefused } from './block-commands.ts'

import { nodes } from './block-nodes.ts'

/** They are the names of the jobs, since QEMU does not tell the mode of one. At most one of them is there. */
const jobKinds = ['mirror', 'bulk'] as const
type JobKind = (typeof jobKinds)[number]

/** In QEMU's words. */
const unlimited = 0

const jobsSchema = z.array(
  z.object({
    id: z.string(),
    status: z.string(),
    'current-progress': z.int(),
    'total-progress': z.int(),
    error: z.string().optional(),
  }),
)

export interface MirrorJob {
  /** `mirror`: a write is acknowledged when both sides have it. `bulk`: it copies behind the VM's back, which waits for nothing. */
  readonly kind: JobKind
  /** Everything has been copied; in a bulk copy but for what has been written meanwhile. */
  readonly isReady: boolean
  readonly hasEnded: boolean
  /** Why it has ended, if that was not asked for. */
  readonly error: string | null
  readonly copiedBytes: number
  readonly leftBytes: number
}

/** As QEMU tells of it, in the one language that its processes are started with. */
export function isForLackOfRoom(reason: string): boolean {
  return /No space left on device/.test(reason)
}

/** The mirror that runs, or has run and was not forgotten yet. */
export async function findJob(qmp: Qmp): Promise<MirrorJob | null> {
  const jobs = jobsSchema.parse(await qmp.execute('query-jobs'))
  const job = jobs.find(({ id }) => kindOf(id))
  const kind = kindOf(job?.id)
  if (!job || !kind) return null
  const { status, error } = job
  return {
    kind,
    // `standby` is a ready one that pauses for a moment.
    isReady: status === 'ready' || status === 'standby',
    hasEnded: status === 'concluded',
    error: error ?? null,
    copiedBytes: job['current-progress'],
    leftBytes: Math.max(0, job['total-progress'] - job['current-progress']),
  }
}

function kindOf(id: unknown): JobKind | undefined {
  return jobKinds.find((kind) => kind === id)
}

/** A write is acknowledged when both sides have it. `sync`: 'none' where they are the same already, or something else copies. */
export async function startMirror(qmp: Qmp, sync: 'full' | 'none'): Promise<void> {
  await start(qmp, 'mirror', { sync, 'copy-mode': 'write-blocking' })
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

/** Calls `listener` at every change of its state. Answers how to stop. */
export function onJobChange(qmp: Qmp, listener: (status: string) => void): () => void {
  return qmp.onEvent(({ name, data }) => {
    if (name === 'JOB_STATUS_CHANGE' && kindOf(data.id)) listener(String(data.status))
  })
}

/** Calls `listener` when it could not read or write something. Answers how to stop. */
export function onJobError(qmp: Qmp, listener: (operation: string) => void): () => void {
  return qmp.onEvent(({ name, data }) => {
    if (name === 'BLOCK_JOB_ERROR' && kindOf(data.device)) listener(String(data.operation))
  })
}

/** What QEMU says of one that was ended by force, and had no other reason to end. */
export function isForced(reason: string): boolean {
  return reason === 'Operation canceled'
}

/**
 * Ends it. Unforced, a ready one first copies what is left and flushes the target; then it has no
 * error, and both sides are the same. Answers what it came to; null: there is none.
 */
export async function endJob(
  qmp: Qmp,
  clock: Clock,
  timeoutMs: number,
  isForced: boolean,
): Promise<MirrorJob | null> {
  let stop = () => {}
  const concluded = new Promise<void>((resolve) => {
    stop = onJobChange(qmp, (status) => {
      if (status === 'concluded') resolve()
    })
  })
  try {
    const job = await findJob(qmp)
    if (job === null || job.hasEnded) return job
    const fields = { device: job.kind, force: isForced }
    await unlessRefused(/concluded|not found/i, () => qmp.execute('block-job-cancel', fields))
    const ended = Promise.race([concluded, qmp.closed])
    await within(clock, timeoutMs, 'the end of the mirror', ended)
    return await findJob(qmp)
  } finally {
    stop()
  }
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
