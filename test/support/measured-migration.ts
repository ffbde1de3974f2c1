import type { ApiClient } from '../../src/api/client/api-client.ts'
import type { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import { type MigrateRequest, migrationDetailsSchema } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import type { Gap } from '../lab/guest/check-observations.ts'
import type { GuestVerdict } from '../lab/guest/judge-guest.ts'
import { waitUntil } from '../lab/support/wait-until.ts'

/** What scripts outside of this repository read: see `npm run demo -- --json`. */
export interface MigrationReport {
  readonly vm: string
  readonly from: { readonly pool: string; readonly host: string }
  readonly to: { readonly pool: string; readonly host: string }
  readonly hypervisor: string
  readonly replication: string
  readonly disks: number
  readonly bytesReplicated: number
  readonly totalMs: number
  /** The guest's longest silence, as seen from outside. */
  readonly downtimeMs: number
  /** The disks' share of it. */
  readonly handoverMs: number
  readonly acknowledgedWritesLost: number
  readonly guestIoErrors: number
}

export interface MeasuredMigration {
  readonly report: MigrationReport
  readonly operation: Operation
  readonly verdict: GuestVerdict
}

export type MigrateOptions = Partial<Omit<MigrateRequest, 'destination'>> & {
  readonly onChange?: (operation: Operation) => void
}

/** A host of any kind of lab. */
export interface MigratingHost {
  readonly name: string
  readonly pool: string
  readonly toolstack: Pick<ApiClient<typeof toolstackRoutes>, 'migrate' | 'watchOperation'>
  readonly storage: Pick<StorageManager, 'facts'>
  /** What its daemons said last. */
  log(): Promise<string>
}

/** A guest that can be watched from outside, whatever it runs on. */
export interface WatchedGuest<Host> {
  readonly name: string
  waitUntilOn(host: Host): Promise<void>
  longestGap(fromMs: number, toMs: number): Promise<Gap>
  /** Stops it for a moment and compares what it was told with what its disks hold. */
  checkWrites(host: Host): Promise<GuestVerdict>
}

const afterwardsMs = 2_000

/** Migrates a guest that writes, watches it from outside, and proves what became of its writes. */
export async function measureMigration<Host extends MigratingHost>(
  guest: WatchedGuest<Host>,
  source: Host,
  destination: Host,
  { onChange, ...request }: MigrateOptions = {},
): Promise<MeasuredMigration> {
  const startedMs = Date.now()
  const operation = await migrate(guest.name, source, destination, request, onChange)
  if (operation.state !== 'succeeded') {
    const logs = `${await source.log()}\n--- destination\n${await destination.log()}`
    throw new Error(
      `the migration ended ${operation.state}: ${JSON.stringify(operation.error)}\n${logs}`,
    )
  }
  await guest.waitUntilOn(destination)
  await waitUntil(() => Date.now() > (operation.endedAtMs ?? 0) + afterwardsMs, {
    description: 'the guest to write on',
    timeoutMs: 10_000,
  })
  const { gapMs } = await guest.longestGap(startedMs, Date.now())
  const verdict = await guest.checkWrites(destination)
  const details = migrationDetailsSchema.parse(operation.details)
  const schemes = (await source.storage.facts()).replicationSchemes
  const report: MigrationReport = {
    vm: guest.name,
    from: details.from,
    to: details.to,
    hypervisor: details.hypervisor,
    replication: details.disks.some(({ replicated }) => replicated)
      ? (schemes[0] ?? 'none')
      : 'none',
    disks: details.disks.length,
    bytesReplicated: details.figures.bytesReplicated,
    totalMs: details.figures.totalMs ?? 0,
    downtimeMs: Math.round(gapMs),
    handoverMs: details.figures.handoverMs ?? 0,
    acknowledgedWritesLost: verdict.acknowledgedWritesLost,
    guestIoErrors: verdict.ioErrors,
  }
  return { report, operation, verdict }
}

/** Starts a migration and waits for its end, whatever that is. */
export async function migrate(
  vm: string,
  source: MigratingHost,
  destination: MigratingHost,
  request: Omit<MigrateOptions, 'onChange'> = {},
  onChange: (operation: Operation) => void = () => {},
): Promise<Operation> {
  const body = { destination: `${destination.pool}/${destination.name}`, ...request }
  const started = await source.toolstack.migrate({ params: { vm }, body })
  let last: Operation = started
  for await (const operation of source.toolstack.watchOperation({
    params: { operation: started.id },
  })) {
    last = operation
    onChange(operation)
  }
  return last
}
