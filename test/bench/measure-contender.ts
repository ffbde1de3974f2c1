import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { regionBytes } from '../lab/guest/record.ts'
import { anatomyOf, blackoutOf, latenciesUs, type Segment } from './blackout.ts'
import type { Contender, Moved } from './contender.ts'
import { rawCopy } from './raw-copy.ts'
import { percentile } from './statistics.ts'
import { allocatedBytesOf, fillTemplate } from './template-disk.ts'
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

/** One migration, as seen from outside. */
export interface Sample {
  readonly contender: string
  readonly direction: 'there' | 'back'
  readonly allocatedBytes: number
  readonly totalMs: number
  readonly blackoutMs: number
  readonly handoverMs: number
  readonly syncMs: number
  /** The same number of bytes, sent plainly over the same link, in the same minute. */
  readonly rawCopyMs: number
  /** Through the link until the disks were the same. */
  readonly diskBytes: number
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
  readonly sizeBytes: number
  readonly allocatedBytes: number
  /** A dense file of as many bytes, for the raw copy. */
  readonly denseFile: string
}

/** Migrates a guest there, and back with what it has written meanwhile. @throws when a write was lost */
export async function measureContender(
  contender: Contender,
  task: Task,
): Promise<readonly Sample[]> {
  let allocatedBytes = 0
  await contender.start(task.sizeBytes, async (path) => {
    await fillTemplate(path, task.sizeBytes, task.allocatedBytes)
    allocatedBytes = (await allocatedBytesOf(path)) + guestBytes
  })
  const samples: Sample[] = []
  for (const direction of ['there', 'back'] as const) {
    const rawCopyMs = await rawCopy(task.denseFile, join(`${task.denseFile}.copy`))
    await sleep(settleMs + windowMs)
    const wire = new WireWatch()
    const moved = await contender.move()
    await sleep(settleMs + windowMs)
    const diskBytes = (await wire.stop()).between(moved.beganMs, moved.sync.endedMs)
    const seen = observe(contender, moved)
    samples.push({
      ...{ contender: contender.name, direction, allocatedBytes, rawCopyMs, diskBytes, ...seen },
      syncMs: moved.sync.endedMs - moved.sync.beganMs,
      handoverMs: moved.handoverMs,
    })
  }
  const problems = await contender.end()
  if (problems.length > 0) throw new Error(`${contender.name}: ${problems.join('; ')}`)
  return samples
}

function observe(contender: Contender, { beganMs, endedMs, sync, marks }: Moved) {
  const observations = contender.observations(beganMs - windowMs)
  const blackout = blackoutOf(observations)
  const latency = (from: number, to: number): Latency => {
    const values = latenciesUs(observations, { beganMs: from, endedMs: to })
    // A phase may be too short for a single write.
    if (values.length === 0) return { p50: 0, p99: 0 }
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
      copying: latency(sync.beganMs, sync.endedMs),
      inSync: latency(sync.endedMs, blackout.beganMs),
      after: latency(settledMs, settledMs + windowMs),
    },
  }
}
