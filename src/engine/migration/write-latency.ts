import { type DiskWrites, meanUs, type WriteLatency } from '../../model/write-latency.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { MigrationContext } from './memo.ts'
import { destinationOf } from './steps/handover-steps.ts'

/** What has been counted of the guest's writes while this migration runs. */
export interface SeenWrites {
  readonly first: Counts
  readonly previous: Counts
  readonly last: Counts
  /** At the destination, when the mirrors were out. */
  readonly there: Counts | null
}
type Counts = ReadonlyMap<string, DiskWrites>

const none: Counts = new Map()
const nothingSeen: SeenWrites = { first: none, previous: none, last: none, there: null }

/** To be called at each beat of the heartbeat, which does not wait for it: never a reason to fail. */
export async function countWrites(
  { hypervisor, log }: ToolstackEnvironment,
  { memo, live, operation, changed }: MigrationContext,
): Promise<void> {
  if (!hypervisor.capabilities.countsWrites || live.isCountingWrites) return
  live.isCountingWrites = true
  try {
    const now = countsOf(await hypervisor.diskWrites(memo.vm.id, memo.disks))
    const { first, last: previous, there } = live.writes ?? nothingSeen
    // What the VM writes there is counted there.
    if (there !== null) return
    const last = new Map([...previous, ...now])
    live.writes = { first: new Map([...now, ...first]), previous, last, there }
    memo.writeLatency = latenciesOf(live.writes)
    changed()
  } catch (error) {
    log.debug({ operation, error }, "the guest's writes could not be counted")
  } finally {
    live.isCountingWrites = false
  }
}

function latenciesOf({ first, previous, last }: SeenWrites): Record<string, WriteLatency> {
  const latencyOf = (slot: string, now: DiskWrites): WriteLatency => ({
    nowUs: previous.has(slot) ? meanUs(previous.get(slot), now) : null,
    beforeUs: meanUs(undefined, first.get(slot)),
    duringUs: meanUs(first.get(slot), now),
    afterUs: null,
  })
  return Object.fromEntries([...last].map(([slot, now]) => [slot, latencyOf(slot, now)]))
}

/** First once the mirrors are out, then at the end: what the VM has written there between the two came after. */
export async function countWritesThere(
  environment: ToolstackEnvironment,
  { memo, live, operation }: MigrationContext,
): Promise<void> {
  if (!environment.hypervisor.capabilities.countsWrites) return
  const { peer, id, token } = destinationOf(environment, memo)
  const there = await peer.diskWrites(id, token).then(countsOf, (error: unknown) => {
    environment.log.debug({ operation, error }, "the guest's writes could not be counted there")
    return none
  })
  const before = live.writes?.there
  live.writes = { ...(live.writes ?? nothingSeen), there }
  for (const [slot, known] of Object.entries(memo.writeLatency ?? {})) {
    const afterUs = before?.has(slot) ? meanUs(before.get(slot), there.get(slot)) : null
    memo.writeLatency = { ...memo.writeLatency, [slot]: { ...known, nowUs: null, afterUs } }
  }
}

function countsOf(writes: readonly DiskWrites[]): Counts {
  return new Map(writes.map((counted) => [counted.slot, counted]))
}
