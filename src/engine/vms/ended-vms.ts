import type { ToolstackEnvironment } from '../environment.ts'
import { readOwnership } from '../migration/epochs.ts'
import { hasEnded, listReceivers } from '../migration/receiver-record.ts'
import {
  listVmRecords,
  readVmRecord,
  saveVmRecord,
  type VmRecord,
} from '../migration/vm-records.ts'
import type { VmActs } from './vm-acts.ts'
import type { VmDisks } from './vm-disks.ts'

/** A guest that reboots may be missing for a while where its hypervisor builds it anew. */
const settleMs = 90_000
const againMs = 5_000
/** A guest that was asked to shut down and is missing within this time is not missing for a reboot. */
const expectedMs = 600_000

/** Puts the disks of VMs away that have ended by themselves. */
export class EndedVms {
  readonly #environment: ToolstackEnvironment
  readonly #acts: VmActs
  readonly #disks: VmDisks
  readonly #stopper = new AbortController()
  /** Since when each VM has been missing. */
  readonly #missingSinceMs = new Map<string, number>()
  /** Until when a VM that was asked to shut down is taken for ended as soon as it is missing. */
  readonly #expectedUntilMs = new Map<string, number>()
  #isWanted = false
  #isLooking = false

  constructor(environment: ToolstackEnvironment, acts: VmActs, disks: VmDisks) {
    this.#environment = environment
    this.#acts = acts
    this.#disks = disks
  }

  expect(vm: string): void {
    this.#expectedUntilMs.set(vm, this.#environment.clock.monotonicMs() + expectedMs)
    this.#look()
  }

  begins(vm: string): void {
    this.#expectedUntilMs.delete(vm)
    this.#missingSinceMs.delete(vm)
  }

  /** Looks now, and whenever the hypervisor or an arriving VM gives a reason. */
  watch(): void {
    const { hypervisor, store } = this.#environment
    const stops = [
      hypervisor.watch(() => this.#look()),
      // The disks of a VM that arrived and has ended are free only when its source has let go.
      store.watch('receivers/', () => this.#look()),
    ]
    this.#stopper.signal.addEventListener('abort', () => {
      for (const stop of stops) stop()
    })
    this.#look()
  }

  close(): void {
    this.#stopper.abort(new Error('the watch was stopped'))
  }

  #look(): void {
    this.#isWanted = true
    if (!this.#isLooking) void this.#lookUntilSettled()
  }

  async #lookUntilSettled(): Promise<void> {
    const { clock, log } = this.#environment
    const { signal } = this.#stopper
    this.#isLooking = true
    while (this.#isWanted && !signal.aborted) {
      this.#isWanted = false
      const isSettled = await this.#lookOnce().catch((error: unknown) => {
        log.warn({ error }, 'whether VMs have ended could not be seen; it will be tried again')
        return false
      })
      if (isSettled) continue
      await clock.sleep(againMs, signal).catch(() => {})
      this.#isWanted = true
    }
    this.#isLooking = false
  }

  /** Answers whether nothing is left to be done later. */
  async #lookOnce(): Promise<boolean> {
    const { clock, hypervisor, store } = this.#environment
    const active = (await listVmRecords(store)).filter(({ isActive }) => isActive)
    if (active.length === 0) return true
    const there = await hypervisor.list()
    const nowMs = clock.monotonicMs()
    let isSettled = true
    for (const record of active) {
      const { id } = record.definition
      const seen = there.find((vm) => vm.id === id)
      if (seen && seen.state !== 'shutdown') {
        this.#missingSinceMs.delete(id)
        continue
      }
      const sinceMs = this.#missingSinceMs.get(id) ?? nowMs
      this.#missingSinceMs.set(id, sinceMs)
      // One that is still shown as shut down may be on its way to be reset.
      const isExpected = !seen && nowMs < (this.#expectedUntilMs.get(id) ?? 0)
      const isDue = isExpected || nowMs - sinceMs >= settleMs
      if (!isDue || !(await this.#putAway(record))) isSettled = false
    }
    return isSettled
  }

  async #putAway({ definition: { id } }: VmRecord): Promise<boolean> {
    if (this.#acts.holderOf(id) !== null) return false
    return this.#acts.run(id, 'the clean-up after its end', async () => {
      const { hypervisor, store, log } = this.#environment
      const record = await readVmRecord(store, id)
      if (!record?.isActive) return true
      const open = (await listReceivers(store)).filter((receiver) => !hasEnded(receiver))
      if (open.some(({ request }) => request.vm.id === id)) return false
      if ((await readOwnership(store, id)).state !== 'owned') return true
      const found = await hypervisor.find(id)
      const seen = found?.id === id ? found : null
      if (seen && seen.state !== 'shutdown') return true
      if (seen) await hypervisor.destroy(id)
      const vdis = record.definition.disks.map(({ vdi }) => vdi)
      if (!(await this.#disks.putAway(id, vdis))) return false
      await saveVmRecord(store, { ...record, isActive: false })
      this.begins(id)
      log.info({ vm: id }, 'the VM has ended; its disks are put away')
      return true
    })
  }
}
