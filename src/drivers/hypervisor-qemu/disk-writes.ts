import { z } from 'zod'
import type { DiskWrites } from '../../model/write-latency.ts'
import type { QemuContext } from './qemu-context.ts'
import { ask } from './run-state.ts'

/** What the guest's own disks have counted: from the moment in which QEMU took a write until the guest was told. */
export async function diskWrites(context: QemuContext, vm: string): Promise<readonly DiskWrites[]> {
  const qmp = await context.monitors.open(vm)
  return qmp === null ? [] : parseBlockStatistics(await ask(context, qmp, 'query-blockstats'))
}

const statisticsSchema = z.array(
  z.object({
    qdev: z.string().optional(),
    stats: z.object({ wr_operations: z.number(), wr_total_time_ns: z.number() }),
  }),
)
/** Disks have their slot as id, and what QEMU lists is their inner half. */
const diskPattern = /^\/machine\/peripheral\/(vd[a-z]+)\//

/** Reads the answer to `query-blockstats`. */
export function parseBlockStatistics(answer: unknown): readonly DiskWrites[] {
  return statisticsSchema.parse(answer).flatMap(({ qdev = '', stats }) => {
    const slot = diskPattern.exec(qdev)?.[1]
    const tookUs = Math.round(stats.wr_total_time_ns / 1_000)
    return slot === undefined ? [] : [{ slot, count: stats.wr_operations, tookUs }]
  })
}
