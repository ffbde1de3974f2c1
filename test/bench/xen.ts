import { MiB } from '../../src/lib/units.ts'
import { Cluster } from '../e2e/cluster.ts'
import { attachLab, endLab } from '../lab/lab.ts'
import { ensurePackages } from '../lab/support/packages.ts'
import { bareXl, crosspoolOnXen, rawCopyOnXen } from './contenders/xen.ts'
import { measureContender, type Sample } from './measure-contender.ts'
import { lineOf, type MovePlan } from './move-plan.ts'

/** In the lab that is up, or in one for this alone. Both contenders move between the hosts of one pool. */
export async function benchXen(
  { sizeBytes, allocatedMebibytes, repeats }: MovePlan,
  log: (line: string) => void,
): Promise<readonly Sample[]> {
  await ensurePackages(log)
  const wasRunning = (await attachLab()) !== undefined
  try {
    const cluster = await Cluster.open({ log })
    const contenders = [crosspoolOnXen(cluster), bareXl(cluster)]
    const samples: Sample[] = []
    for (const mebibytes of allocatedMebibytes)
      for (let repeat = 1; repeat <= repeats; repeat += 1)
        for (const contender of contenders) {
          const disk = { sizeBytes, allocatedBytes: mebibytes * MiB }
          const rawCopy = () => rawCopyOnXen(cluster, disk.allocatedBytes)
          const measured = await measureContender(contender, { disk, rawCopy })
          for (const sample of measured) log(lineOf(sample, repeat))
          samples.push(...measured)
        }
    return samples
  } finally {
    if (!wasRunning) await endLab()
  }
}
