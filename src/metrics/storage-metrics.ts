import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { StorageManager } from '../ports/storage-manager.ts'
import { createMetrics, type Measured } from './create-metrics.ts'
import { storageMetrics } from './metric-table.ts'
import { createSlowValue } from './slow-value.ts'

export type MeasuredStorage = Pick<StorageManager, 'listReplications' | 'leftovers' | 'listSrs'>

/** What sm tells. */
export function measureStorage(
  storage: MeasuredStorage,
  { apiVersion, clock, log }: { apiVersion: string; clock: Clock; log: Log },
): Measured<typeof storageMetrics> {
  const metrics = createMetrics({ name: 'sm', apiVersion }, storageMetrics)
  const { own } = metrics
  // Not known yet is not none.
  own.leftovers.remove()
  const lookAtLeftovers = createSlowValue(
    { clock, log, what: 'leftovers' },
    () => storage.leftovers(),
    (all) => own.leftovers.set(all.filter(({ reason }) => reason === null).length),
  )
  const lookAtSrs = createSlowValue(
    { clock, log, what: 'SRs' },
    () => storage.listSrs(),
    (srs) => {
      own.srFreeBytes.reset()
      own.srSizeBytes.reset()
      for (const { id, name, freeBytes, sizeBytes } of srs) {
        own.srFreeBytes.set({ sr: id, name }, freeBytes)
        own.srSizeBytes.set({ sr: id, name }, sizeBytes)
      }
    },
  )
  return {
    metrics,
    async refresh() {
      lookAtLeftovers()
      lookAtSrs()
      const { replications, sizeBytes, outOfSyncBytes, bytesPerSecond } = own
      const found = await storage.listReplications()
      // Those that are gone must not stay behind as series.
      for (const gauge of [replications, sizeBytes, outOfSyncBytes, bytesPerSecond]) gauge.reset()
      for (const one of found) {
        const { side } = one
        const labels = { replication: one.id, vdi: one.vdi, side }
        replications.inc({ side, state: one.state })
        sizeBytes.set(labels, one.sizeBytes)
        outOfSyncBytes.set(labels, one.outOfSyncBytes)
        bytesPerSecond.set(labels, one.bytesPerSecond)
      }
    },
  }
}
