import type { GuestVerdict } from '../lab/guest/judge-guest.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import {
  type MeasuredMigration,
  type MigrateOptions,
  measureMigration,
} from '../support/measured-migration.ts'
import type { ClusterHost } from './cluster.ts'

/** Migrates a guest of the lab that writes, watches it from outside, and proves what became of its writes. */
export async function migrateAndCheck(
  guest: TestGuest,
  source: ClusterHost,
  destination: ClusterHost,
  options: MigrateOptions = {},
): Promise<MeasuredMigration> {
  const watched = {
    name: guest.name,
    waitUntilOn: (host: ClusterHost) => guest.waitUntilOn(host.lab),
    longestGap: (fromMs: number, toMs: number) => guest.longestGap(fromMs, toMs),
    checkWrites: (host: ClusterHost) => checkWrites(guest, host),
  }
  return await measureMigration(watched, source, destination, options)
}

/** Stops the guest for a moment and compares what it was told with what its disks hold. */
export async function checkWrites(guest: TestGuest, host: ClusterHost): Promise<GuestVerdict> {
  const { disks } = await host.toolstack.getVm({ params: { vm: guest.name } })
  const paths = [...disks].sort((a, b) => a.slot.localeCompare(b.slot)).map(({ device }) => device)
  await host.lab.run(['xl', 'pause', guest.name])
  try {
    return await guest.check(host.lab, paths)
  } finally {
    await host.lab.run(['xl', 'unpause', guest.name])
  }
}
