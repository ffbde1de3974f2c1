import { expect } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { HostLinks } from '../faults/host-links.ts'
import { type MigrateOptions, measureMigration, migrate } from '../support/measured-migration.ts'
import { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { type Traces, tracesOf } from './traces.ts'

/** What is taken back is gone by then; the other side may first have to notice that it hears nothing. */
const settledWithinMs = 30_000

/** A guest with two disks on alpha1 that goes through one failure after the other. */
export class Scene {
  readonly playground: Playground
  readonly source: PlaygroundHost
  readonly destination: PlaygroundHost
  readonly guest: PlaygroundGuest
  readonly #links: HostLinks | null
  #before: readonly Traces[]

  private constructor(
    playground: Playground,
    links: HostLinks | null,
    guest: PlaygroundGuest,
    before: readonly Traces[],
  ) {
    this.playground = playground
    this.#links = links
    this.source = playground.host('alpha1')
    this.destination = playground.host('beta1')
    this.guest = guest
    this.#before = before
  }

  /** With `links` the way between the hosts can be made slow; it then has listeners of its own at their ports. */
  static async open(links: HostLinks | null = null): Promise<Scene> {
    const playground = await Playground.open(
      links ? { arrange: (plans) => links.arrange(plans, 0) } : {},
    )
    const source = playground.host('alpha1')
    const root = await source.newDisk('raw', 'victim-root', 64 * MiB)
    const data = await source.newDisk('qcow2', 'victim-data', 256 * MiB)
    const guest = playground.guest({ name: 'victim', number: 110 })
    await guest.startOn(source, [root, data])
    return new Scene(playground, links, guest, await tracesOf(playground))
  }

  async close(): Promise<void> {
    await this.playground.close()
    this.#links?.close()
  }

  /** The guest is at the source, even if the test before has failed. */
  async begin(): Promise<void> {
    const arrived = await this.destination.toolstack.listVms()
    if (arrived.some(({ name, state }) => name === this.guest.name && state !== 'halted'))
      await this.bringBack()
  }

  /** The guest writes on at the source, has lost nothing and seen no error; and neither host holds anything of the migration. */
  async expectUnharmed(): Promise<void> {
    await this.guest.waitUntilOn(this.source)
    const { problems, ioErrors } = await this.guest.checkWrites(this.source)
    expect({ problems, ioErrors }).toEqual({ problems: [], ioErrors: 0 })
    await expect
      .poll(() => tracesOf(this.playground), { timeout: settledWithinMs, interval: 250 })
      .toEqual(this.#before)
  }

  /**
   * Where a mirror may recover by itself, the migration may end either way, but not in between.
   */
  async expectSafe(operation: Operation): Promise<void> {
    if (operation.state === 'failed') return await this.expectUnharmed()
    expect(operation.state).toBe('succeeded')
    await this.guest.waitUntilOn(this.destination)
    const { problems, ioErrors } = await this.guest.checkWrites(this.destination)
    expect({ problems, ioErrors }).toEqual({ problems: [], ioErrors: 0 })
  }

  async bringBack(): Promise<void> {
    const { guest, source, destination } = this
    const srMap = { vda: 'raw', vdb: 'qcow2' }
    const { verdict } = await measureMigration(guest, destination, source, { srMap })
    expect(verdict.problems).toEqual([])
    this.#before = await tracesOf(this.playground)
  }

  migrate(request: MigrateOptions = {}): Promise<Operation> {
    return migrate(this.guest.name, this.source, this.destination, request)
  }

  /**
   * Starts a migration and does something to it once it is in `step` (for memory: once some has been sent). A step may
   * be over before it is seen: then the guest is brought back for another try.
   */
  async disturb(step: string, act: (operation: Operation) => Promise<unknown>): Promise<Operation> {
    for (let tries = 1; tries <= 5; tries++) {
      const { operation, acting } = await this.#tryToDisturb(step, act)
      if (acting) {
        await acting
        return operation
      }
      expect(operation.state).toBe('succeeded')
      await this.bringBack()
    }
    throw new Error(`no migration was seen in ${step}`)
  }

  async #tryToDisturb(
    step: string,
    act: (operation: Operation) => Promise<unknown>,
  ): Promise<{ operation: Operation; acting?: Promise<unknown> }> {
    let acting: Promise<unknown> | undefined
    const { guest, source, destination } = this
    try {
      const operation = await migrate(guest.name, source, destination, {}, (seen) => {
        const isThere = seen.steps.some(({ name, state }) => name === step && state === 'running')
        const { memory } = migrationDetailsSchema.parse(seen.details)
        if (step === 'memory') this.prolongMemory(seen)
        if (acting || !isThere || (step === 'memory' && memory.sentBytes === 0)) return
        acting = act(seen).finally(() => this.hurry())
        // Looked at when the migration has ended.
        acting.catch(() => {})
      })
      return { operation, ...(acting && { acting }) }
    } finally {
      this.hurry()
    }
  }

  /** From when the disks are in sync the way between the hosts is slow, so that the memory takes its time. */
  prolongMemory({ steps }: Operation): void {
    if (steps.some(({ name, state }) => name === 'synchronise' && state === 'done'))
      this.#links?.between.become('slow')
  }

  hurry(): void {
    this.#links?.between.become('open')
  }
}
