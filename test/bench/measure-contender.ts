import { setTimeout as sleep } from 'node:timers/promises'
import { regionBytes } from '../lab/guest/record.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { anatomyOf, blackoutOf, latenciesUs, type Segment } from './blackout.ts'
import type { Contender, Moved, SparseDisk } from './contender.ts'
import { percentile } from './statistics.ts'
import { WireWatch } from './wire.ts'

/** How long latencies are looked at before and after a migration. */
const windowMs = 4_000
/** What a migration leaves to be done, as taking mirrors out, is not the time after it. */
const settleMs = 1_000

/** What the guest itself writes to, over and over. */
const guestBytes = regionBytes(256)

export interface Latency {
  readonly p50: number
  readonly p99: number
}

const none: Latency = { p50: 0, p99: 0 }

/** One migration, as seen from outside. */
export interface Sample {
  readonly contender: string
  readonly direction: 'there' | 'back'
  readonly allocatedBytes: number
  readonly totalMs: number
  readonly blackoutMs: number
  readonly handoverMs: number
  /** Null where both sides reach the disk. */
  readonly copy: {
    readonly ms: number
    /** As many bytes, sent plainly over the same link, in the same minute. */
    readonly rawMs: number
    readonly sentBytes: number
  } | null
  readonly writeLatencyUs: {
    readonly before: Latency
    readonly copying: Latency
    readonly inSync: Latency
    readonly after: Latency
  }
  readonly blackout: readonly Segment[]
  readonly total: readonly Segment[]
}

export interface Task {
  readonly disk: SparseDisk
  /** Sends as many bytes as are allocated over the same link. Answers how long that took. */
  rawCopy(): Promise<number>
}

/** Migrates a guest there, and back with what it has written meanwhile. @throws when a write was lost */
export async function measureContender(
  contender: Contender,
  task: Task,
): Promise<readonly Sample[]> {
  await contender.start(task.disk)
  const allocatedBytes = task.disk.allocatedBytes + guestBytes
  const samples: Sample[] = []
  for (const direction of ['there', 'back'] as const) {
    const rawMs = await task.rawCopy()
    await sleep(settleMs + windowMs)
    const wire = new WireWatch()
    const moved = await contender.move()
    await untilHeard(contender, moved.beganMs - windowMs)
    await sleep(settleMs + windowMs)
    await wire.stop()
    const { beganMs, sync, handoverMs } = moved
    const copy = sync && {
      ...{ ms: sync.endedMs - sync.beganMs, rawMs },
      sentBytes: moved.copiedBytes ?? wire.between(beganMs, sync.endedMs),
    }
    const seen = await observe(contender, moved)
    samples.push({
      ...{ contender: contender.name, direction, allocatedBytes, copy, handoverMs, ...seen },
    })
  }
  const problems = await contender.end()
  if (problems.length > 0) throw new Error(`${contender.name}: ${problems.join('; ')}`)
  return samples
}

/** The benchmark cannot do without it where it is ours; QEMU by itself may lose some of an emulated guest's memory. */
export class GuestCrashed extends Error {
  constructor(contender: string) {
    super(`the guest that ${contender} moved has crashed`)
  }
}

/** On the other side; it may run there before anything of it can be heard. */
async function untilHeard(contender: Contender, sinceMs: number): Promise<void> {
  await waitUntil(async () => blackoutOf(await contender.observations(sinceMs)), {
    description: `the guest to be heard where ${contender.name} has moved it`,
    timeoutMs: 60_000,
  }).catch(() => Promise.reject(new GuestCrashed(contender.name)))
}

async function observe(contender: Contender, { beganMs, endedMs, sync, marks }: Moved) {
  const observations = await contender.observations(beganMs - windowMs)
  const blackout = blackoutOf(observations)
  if (new Set(observations.map(({ report }) => report.boot)).size > 1)
    throw new GuestCrashed(contender.name)
  const latency = (from: number, to: number): Latency => {
    const values = latenciesUs(observations, { beganMs: from, endedMs: to })
    // A phase may be too short for a single write.
    if (values.length === 0) return none
    return { p50: percentile(values, 50), p99: percentile(values, 99) }
  }
  const settledMs = endedMs + settleMs
  return {
    totalMs: endedMs - beganMs,
    blackoutMs: blackout.endedMs - blackout.beganMs,
    blackout: anatomyOf(blackout, marks),
    total: anatomyOf({ beganMs, endedMs }, marks),
    writeLatencyUs: {
      before: latency(beganMs - windowMs, beganMs),
      copying: sync ? latency(sync.beganMs, sync.endedMs) : none,
      inSync: sync ? latency(sync.endedMs, blackout.beganMs) : none,
      after: latency(settledMs, settledMs + windowMs),
    },
  }
}
