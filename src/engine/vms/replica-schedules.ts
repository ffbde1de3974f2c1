import { duration } from '../../lib/quantities.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Check } from '../../model/migration.ts'
import type { ReplicaSchedule, ReplicaScheduleWish } from '../../model/replica-schedule.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { KnownHosts } from './known-hosts.ts'
import { type RefreshParts, ReplicaRefreshes } from './replica-refreshes.ts'
import { ScheduleBook } from './schedule-book.ts'
import { scheduleOf, stoppedSchedule } from './schedule-records.ts'
import { findVmOrHalted } from './vm-listing.ts'

/** VMs whose replicas are brought up to date again and again: one schedule for each. */
export class ReplicaSchedules {
  readonly #book: ScheduleBook
  readonly #environment: ToolstackEnvironment
  readonly #hosts: KnownHosts
  readonly #refreshes: ReplicaRefreshes

  constructor(
    environment: ToolstackEnvironment,
    hosts: KnownHosts,
    parts: Omit<RefreshParts, 'book'>,
  ) {
    this.#book = new ScheduleBook(environment.store)
    this.#environment = environment
    this.#hosts = hosts
    this.#refreshes = new ReplicaRefreshes(environment, { ...parts, book: this.#book })
  }

  async list(): Promise<ReplicaSchedule[]> {
    const nowMs = this.#environment.clock.now()
    return (await this.#book.list()).map((record) => scheduleOf(record, nowMs))
  }

  /** By UUID or name of the VM, which need not be here any more. @throws NOT_FOUND */
  async get(vm: string): Promise<ReplicaSchedule> {
    const found = (await this.list()).find((one) => one.vm === vm || one.vmName === vm)
    if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'replica schedule', id: vm })
    return found
  }

  /** In place of the one that the VM had; due at once. @throws NOT_FOUND, BAD_REQUEST, PEER_UNTRUSTED */
  async put(idOrName: string, wanted: ReplicaScheduleWish): Promise<ReplicaSchedule> {
    const { id: vm, name: vmName } = await findVmOrHalted(this.#environment, () => null, idOrName)
    const { forMs, mode = 'difference' } = wanted.keepReplica
    if (forMs !== null && forMs <= wanted.everyMs)
      throw new CrosspoolError('BAD_REQUEST', {
        reason:
          'the replica would end before it is refreshed: keep it for longer than the interval',
      })
    const destination = await this.#hosts.nameOf(wanted.destination)
    const wish = { ...wanted, destination, keepReplica: { forMs, mode } }
    await this.#book.alone(vm, async (before) => {
      const known = before?.wish.destination === destination ? before : null
      const nowMs = this.#environment.clock.now()
      await this.#book.save({
        ...{ vm, vmName, wish, createdAtMs: nowMs, nextAtMs: nowMs },
        ...{ operation: null, isResting: false, failures: 0 },
        ...{ succeededAtMs: known?.succeededAtMs ?? null, last: known?.last ?? null },
      })
    })
    await this.#refreshes.beginNow(vm)
    return await this.get(vm)
  }

  /** A refresh that is under way goes on. @throws NOT_FOUND */
  async remove(idOrName: string): Promise<void> {
    const { vm } = await this.get(idOrName)
    await this.forget(vm)
  }

  /** Nobody here wants the VM's replicas any more, or there is no such VM. One without a schedule is no error. */
  async forget(vm: string): Promise<void> {
    await this.#book.remove(vm)
  }

  /** The other host does not want the replica any more. Here somebody may: it stays, and says so. */
  async stop(vm: string): Promise<void> {
    const { clock, log } = this.#environment
    await this.#book.change(vm, (record) => {
      log.warn({ vm }, 'its replica was dropped at the other host; it is refreshed no more')
      return stoppedSchedule(record, clock.now())
    })
  }

  /** What a migration of this VM does to its schedule: nobody else says so before it is done. */
  async checks(vm: string): Promise<Check[]> {
    const record = await this.#book.read(vm)
    if (!record) return []
    const { destination, everyMs } = record.wish
    const reason = `this host brings the replica there up to date every ${duration(everyMs)}, which rests until the VM is back here`
    const about = { name: 'replica-schedule', subject: destination, code: null }
    return [{ ...about, result: 'warning', reason }]
  }

  /** After a restart: what was under way is heard of, and what was missed is made up for, once. */
  async recover(): Promise<void> {
    await this.#refreshes.recover()
  }

  close(): void {
    this.#refreshes.close()
  }
}
