import type { Observation } from '../network/guest-report.ts'
import { diskExpectations, guestErrors, lifeProblems } from './check-observations.ts'
import { checkRecords, type DiskVerdict } from './check-records.ts'

export interface GuestVerdict {
  /** Empty when all is well. */
  readonly problems: readonly string[]
  readonly disks: readonly DiskVerdict[]
  readonly ioErrors: number
  readonly acknowledgedWritesLost: number
}

/** Reports that wait in a guest's interface go with it; it writes one record at a time. */
const lastWords = 4

/**
 * Compares what a guest has told with what its disks hold. `readRegion` reads the ring of a disk,
 * by the disk's number in the guest; nobody may write meanwhile. `hasEnded`: it has ended by itself.
 */
export async function judgeGuest(
  guest: string,
  observations: readonly Observation[],
  readRegion: (number: number, slots: number) => Promise<Buffer>,
  { hasEnded = false }: { readonly hasEnded?: boolean } = {},
): Promise<GuestVerdict> {
  const disks: DiskVerdict[] = []
  const problems = lifeProblems(observations)
  for (const expected of diskExpectations(observations)) {
    const region = await readRegion(expected.number, expected.slots)
    const verdict = checkRecords(region, { ...expected, untold: hasEnded ? lastWords : 0 })
    problems.push(...verdict.problems.map((problem) => `disk ${expected.number}: ${problem}`))
    disks.push(verdict)
  }
  if (disks.length === 0) problems.push(`guest ${guest} was never heard of`)
  const ioErrors = guestErrors(observations)
  if (ioErrors > 0) problems.push(`the guest saw ${ioErrors} I/O errors`)
  const acknowledgedWritesLost = disks.reduce((sum, disk) => sum + disk.lost.length, 0)
  return { problems, disks, ioErrors, acknowledgedWritesLost }
}
