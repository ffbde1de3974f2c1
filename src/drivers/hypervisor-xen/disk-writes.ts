import { readFile, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import type { VmDisk } from '../../model/vm.ts'
import type { DiskWrites } from '../../model/write-latency.ts'

/**
 * What the kernel has counted of the devices that a VM was given: blkback writes to nothing else, so it is what
 * the guest waits for but for the way through its ring.
 */
export async function diskWrites(
  disks: readonly Pick<VmDisk, 'slot' | 'device'>[],
): Promise<readonly DiskWrites[]> {
  const counted = await Promise.all(
    disks.map(async ({ slot, device }) => {
      const writes = await readStatistics(device).catch(() => null)
      return writes === null ? [] : [{ slot, ...writes }]
    }),
  )
  return counted.flat()
}

async function readStatistics(device: string): Promise<Omit<DiskWrites, 'slot'> | null> {
  const name = basename(await realpath(device))
  return parseStatistics(await readFile(`/sys/class/block/${name}/stat`, 'utf8'))
}

/** Reads `stat` of a block device in sysfs: the fifth number counts writes, the eighth their milliseconds. */
export function parseStatistics(text: string): Omit<DiskWrites, 'slot'> | null {
  const numbers = text.trim().split(/\s+/).map(Number)
  const [count, tookMs] = [numbers[4], numbers[7]]
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(tookMs)) return null
  return { count: Number(count), tookUs: Number(tookMs) * 1_000 }
}
