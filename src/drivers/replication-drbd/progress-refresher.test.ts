import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import type { SyncCounters } from './parse-proc-drbd.ts'
import { startProgressRefresher } from './progress-refresher.ts'
import type { ResourceState, ResourceStates } from './resource-states.ts'

const synced: ResourceState = {
  ...{ minor: 1000, role: 'Primary', peerRole: 'Secondary', disk: 'UpToDate' },
  ...{ peerDisk: 'UpToDate', connection: 'Connected', replication: 'Established' },
  ...{ outOfSyncBytes: 0, sentBytes: 0, receivedBytes: 0 },
}
const apart = { ...synced, connection: 'StandAlone', replication: 'Off' }

const procOf = (outOfSyncKib: number) =>
  `1000: cs:StandAlone ro:Primary/Unknown ds:UpToDate/Outdated r-----\n ns:0 nr:0 oos:${outOfSyncKib}\n`

function startRefresher() {
  const listeners = createOrderedListeners<null>()
  const clock = createSimulatedClock()
  const applied: number[] = []
  const reads: ((text: string) => void)[] = []
  let states: ResourceStates = new Map()
  const reader = {
    states: () => states,
    onChange: (listener: () => void) => listeners.add(listener),
    applyCounters: (counters: ReadonlyMap<number, SyncCounters>) =>
      void applied.push(counters.get(1000)?.outOfSyncBytes ?? -1),
  }
  const read = () => new Promise<string>((resolve) => void reads.push(resolve))
  const stop = startProgressRefresher(reader, () => true, clock, read)
  const change = (state: ResourceState) => {
    states = new Map([['one', state]])
    listeners.emit(null)
  }
  const answer = async (outOfSyncKib: number) => {
    reads.shift()?.(procOf(outOfSyncKib))
    await setImmediate()
  }
  return { change, answer, applied, reads, clock, stop }
}

it('counts what differs for as long as two sides are apart', async () => {
  const { change, answer, applied, clock, stop } = startRefresher()
  change(apart)
  await answer(4)
  await clock.advance(1_000)
  await answer(8)
  expect(applied).toEqual([4096, 8192])
  stop()
})

it('reads once more after the last event, so that what was read before it does not stay', async () => {
  const { change, answer, applied, reads, clock } = startRefresher()
  change(apart)
  change(synced)
  await answer(4)
  await clock.advance(1_000)
  await answer(0)
  expect(applied).toEqual([4096, 0])
  await clock.advance(5_000)
  expect(reads).toEqual([])
})
