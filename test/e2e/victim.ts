import { expect } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import { type MigrateOptions, migrate } from '../support/measured-migration.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { checkWrites } from './measured-migration.ts'
import { type Traces, tracesOf } from './traces.ts'

/** One VM goes through all failures, and runs on at the source after each as if nothing had been. */
export class Victim {
  readonly cluster: Cluster
  readonly guest: TestGuest
  readonly source: ClusterHost
  readonly destination: ClusterHost
  readonly #before: readonly Traces[]

  private constructor(cluster: Cluster, guest: TestGuest, before: readonly Traces[]) {
    this.cluster = cluster
    this.guest = guest
    this.source = cluster.host('alpha1')
    this.destination = cluster.host('beta1')
    this.#before = before
  }

  static async start(): Promise<Victim> {
    const cluster = await Cluster.open()
    const source = cluster.host('alpha1')
    await source.newPlainVolume('victim', 64)
    const file = await source.newDisk('files', 'victim', 64 * MiB)
    const guest = await cluster.startGuest(source, {
      name: 'victim',
      number: 130,
      disks: ['phy:/dev/vg0/victim', `phy:${file.device}`],
    })
    return new Victim(cluster, guest, await Promise.all(cluster.hosts.map(tracesOf)))
  }

  async end(): Promise<void> {
    await endGuest(this.guest, this.source)
    await this.source.lab.run('lvremove --yes vg0/victim')
  }

  migrate(request: MigrateOptions = {}): Promise<Operation> {
    return migrate(this.guest.name, this.source, this.destination, request)
  }

  /** It writes on, has lost nothing and seen no error; and neither host holds anything of the migration. */
  async expectUnharmed(): Promise<void> {
    await this.guest.waitUntilOn(this.source.lab)
    const verdict = await checkWrites(this.guest, this.source)
    expect(verdict.problems).toEqual([])
    expect(verdict.ioErrors).toBe(0)
    expect(await Promise.all(this.cluster.hosts.map(tracesOf))).toEqual(this.#before)
  }

  /** Starts a migration and does something to it once it is in `step` (for memory: once some has been sent). */
  async disturb(step: string, act: (operation: Operation) => Promise<unknown>): Promise<Operation> {
    let acting: Promise<unknown> | null = null
    const { guest, source, destination } = this
    const operation = await migrate(guest.name, source, destination, {}, (seen) => {
      const isThere = seen.steps.some(({ name, state }) => name === step && state === 'running')
      const { memory } = migrationDetailsSchema.parse(seen.details)
      if (!acting && isThere && (step !== 'memory' || memory.sentBytes > 4 * MiB)) {
        acting = act(seen)
        // Looked at when the migration has ended.
        acting.catch(() => {})
      }
    })
    if (!acting)
      throw new Error(
        `the migration ended ${operation.state} before it came to ${step}: ${JSON.stringify(operation.error)}`,
      )
    await acting
    return operation
  }

  /** The destination cleans up by itself, when it hears nothing any more. */
  async destinationHasEnded(): Promise<void> {
    const { storage, toolstack } = this.destination
    const open = async () => ({
      receivers: (await toolstack.listReceivers())
        .map(({ state }) => state)
        .filter((state) => state !== 'closed' && state !== 'aborted'),
      replications: (await storage.listReplications()).length,
      volumes: (await storage.listVdis()).filter(({ managed }) => managed).length,
    })
    await expect
      .poll(open, { timeout: 120_000, interval: 500 })
      .toEqual({ receivers: [], replications: 0, volumes: 0 })
  }
}
