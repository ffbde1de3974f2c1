import { randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'
import { MiB } from '../../src/lib/units.ts'
import type { SparseDisk } from './contender.ts'

/** Behind the guest's records, which are in the second mebibyte. */
const firstByte = 4 * MiB

/** Bytes that no compression and no search for zeroes makes fewer, spread over the disk with holes between. */
export async function fillTemplate(
  path: string,
  { sizeBytes, allocatedBytes }: SparseDisk,
): Promise<void> {
  const count = allocatedBytes / MiB
  const stride = Math.floor((sizeBytes - firstByte) / count / MiB) * MiB
  const chunk = Buffer.alloc(MiB)
  const file = await open(path, 'r+')
  try {
    for (let index = 0; index < count; index += 1) {
      randomFillSync(chunk)
      await file.write(chunk, 0, MiB, firstByte + index * stride)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** As many of them one after the other, without a hole. */
export async function writeDense(path: string, mebibytes: number): Promise<void> {
  const chunk = Buffer.alloc(MiB)
  const file = await open(path, 'w')
  try {
    for (let index = 0; index < mebibytes; index += 1)
      await file.write(randomFillSync(chunk), 0, MiB, index * MiB)
  } finally {
    await file.close()
  }
}
