import { settleAll } from '../../lib/settle-all.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Claim, DroppedReplica, Replica } from '../../model/replica.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { readOwnership, writeOwnership } from '../migration/epochs.ts'
import { hasEnded, listReceivers } from '../migration/receiver-record.ts'
import {
  listReplicaRecords,
  type ReplicaRecord,
  readReplica,
  removeReplica,
  replicaKey,
} from '../migration/replica-records.ts'
import { saveVmRecord } from '../migration/vm-records.ts'
import { describeReplicas } from './describe-replicas.ts'
import type { KnownHosts } from './known-hosts.ts'
import type { ReplicaSchedules } from './replica-schedules.ts'
import { wrongState } from './vm-listing.ts'

const againMs = 5_000

/** Replicas that are kept, here or of disks that are here, and who may start a VM that has some. */
export class Replicas {
  readonly #environment: ToolstackEnvironment
  readonly #hosts: KnownHosts
  readonly #schedules: ReplicaSchedules
  readonly #stopper = new AbortController()

  constructor(environment: ToolstackEnvironment, hosts: KnownHosts, schedules: ReplicaSchedules) {
    this.#environment = environment
    this.#hosts = hosts
    this.#schedules = schedules
  }

  async list(): Promise<Replica[]> {
    const { storage, hypervisor } = this.#environment
    const replications = (await storage.listReplications()).filter(({ kept }) => kept)
    if (replications.length === 0) return []
    const [vdis, vms] = await Promise.all([storage.listVdis(), hypervisor.list()])
    return await describeReplicas(this.#environment, { replications, vdis: [...vdis], vms })
  }

  /** By its id, or all of a VM by that's id or name; the other host is told, if it answers. @throws NOT_FOUND, BUSY */
  async drop(wanted: string): Promise<DroppedReplica[]> {
    const { store } = this.#environment
    const found = (await this.list()).filter(
      ({ id, vm, vmName }) => id === wanted || vm === wanted || vmName === wanted,
    )
    const records = (await listReplicaRecords(store)).filter(
      ({ vm, name }) => vm === wanted || name === wanted,
    )
    if (found.length === 0 && records.length === 0)
      throw new CrosspoolError('NOT_FOUND', { kind: 'replica', id: wanted })
    await this.#refuseWhileLeft(found)
    // Where the disk is first: from then on nobody can take the replica for what it was.
    const dropped = await settleAll(
      found.map(async ({ id, vm, other, here }) => {
        if (here === 'disk') {
          // It would be made again.
          await this.#schedules.forget(vm)
          await this.#stop(id)
        }
        const isToldThere = await this.#tell(other, id)
        if (here === 'replica') await this.#stop(id)
        return { id, other, isToldThere }
      }),
    )
    const vms = new Set([...found, ...records].map(({ vm }) => vm))
    for (const vm of vms) await this.#forget(vm)
    return dropped
  }

  /**
   * The other side has ended it. What is not kept here is no error. `from`: POOL/HOST that says so; null: an
   * administrator. @throws BUSY; NOT_FOUND for one that is not that host's
   */
  async dropped(id: string, from: string | null = null): Promise<void> {
    const found = (await this.list()).find((replica) => replica.id === id)
    if (!found) return
    if (from !== null && from !== found.other)
      throw new CrosspoolError('NOT_FOUND', { kind: 'replica', id })
    await this.#refuseWhileLeft([found])
    if (found.here === 'disk') await this.#schedules.stop(found.vm)
    await this.#stop(id)
    await this.#forget(found.vm)
  }

  /** A paused copy of the VM is still here: what is given back to the administrator could be started at a boot. */
  async #refuseWhileLeft(replicas: readonly Replica[]): Promise<void> {
    const present = new Set((await this.#environment.hypervisor.list()).map(({ id }) => id))
    const left = replicas.find(({ vm, here }) => here === 'replica' && present.has(vm))
    if (!left) return
    const user = 'a migration that has not ended'
    throw new CrosspoolError('BUSY', { kind: 'replica', id: left.id, user })
  }

  async claimOf(vm: string): Promise<Claim> {
    const { epoch, state } = await readOwnership(this.#environment.store, vm)
    const isKept = (await this.list()).some((one) => one.vm === vm && one.here === 'replica')
    const keepsReplica = isKept || (await this.#arriving()).has(vm)
    return { epoch, isClaimed: state === 'owned', keepsReplica }
  }

  /**
   * A VM of which another host keeps replicas may have been given to that one while this one was away; only
   * that host can tell. @throws WRONG_STATE when it has been, REPLICA_UNDECIDED when that host does not answer
   */
  async refuseClaimed(vm: string): Promise<void> {
    const { store } = this.#environment
    const record = await readReplica(store, vm)
    if (record?.here !== 'disk') return
    const claim = await this.#askThere(record).catch((cause: unknown) => {
      const details = { vm: record.name, host: record.other }
      throw new CrosspoolError('REPLICA_UNDECIDED', details, cause)
    })
    const own = await readOwnership(store, vm)
    if (!claim.isClaimed || claim.epoch <= own.epoch) return await this.#forgetEnded(record, claim)
    const operation = `claimed at ${record.other}`
    await writeOwnership(store, vm, { epoch: claim.epoch, state: 'released', operation })
    throw wrongState(vm, `claimed by ${record.other}`, 'start', 'owned by this host')
  }

  /** After a restart. The storage manager may not be there yet: then it is tried again, and nobody waits. */
  async recover(): Promise<void> {
    const { clock, log } = this.#environment
    const { signal } = this.#stopper
    const work = async () => {
      await this.finishClaims()
      await this.#prune()
    }
    const again = async (error: unknown) => {
      log.warn({ error }, 'the replicas could not be seen; it will be tried again')
      await clock.sleep(againMs, signal).catch(() => {})
      if (!signal.aborted) await work().catch(again)
    }
    await work().catch((error: unknown) => void again(error))
  }

  close(): void {
    this.#stopper.abort(new Error('the toolstack was closed'))
  }

  /** The VM has been given to this host: its replicas are disks again. Goes on from wherever it had come to. */
  async finishClaims(): Promise<void> {
    const { storage, store, log } = this.#environment
    const arrivals = new Set((await listReceivers(store)).map(({ request }) => request.operation))
    for (const record of await listReplicaRecords(store)) {
      const { epoch, state, operation } = await readOwnership(store, record.vm)
      if (record.here !== 'replica' || state !== 'owned' || epoch <= record.epoch) continue
      // It has come back by itself, and runs here.
      if (arrivals.has(operation)) continue
      const replicas = (await this.list()).filter(({ vm }) => vm === record.vm)
      await settleAll(
        replicas.map(async ({ id, vdi }) => {
          await storage.stopReplication(id, 'volume')
          const { state: now } = await storage.getVdi(vdi)
          if (now === 'adopted') await storage.disown(vdi)
          else await storage.deactivate(vdi).then(() => storage.detach(vdi))
        }),
      )
      if (record.definition)
        await saveVmRecord(store, { definition: record.definition, isActive: false })
      await removeReplica(store, record.vm)
      log.warn({ vm: record.vm, epoch }, 'the VM has been claimed; its replicas are its disks')
    }
  }

  /** VMs that are on their way here. Of a replica that one goes on from, what comes to nothing is kept again. */
  async #arriving(): Promise<ReadonlySet<string>> {
    const open = (await listReceivers(this.#environment.store)).filter((one) => !hasEnded(one))
    return new Set(open.map(({ request }) => request.vm.id))
  }

  /** Records of VMs that have no replicas any more. One whose other host may have been given the VM stays until that one answers. */
  async #prune(): Promise<void> {
    const { store, log } = this.#environment
    const kept = (await this.list()).map(({ vm }) => vm)
    const vms = new Set([...kept, ...(await this.#arriving())])
    const unused = (await listReplicaRecords(store)).filter(({ vm }) => !vms.has(vm))
    const here = unused.filter((record) => record.here === 'replica')
    if (here.length) await store.transact({ deletes: here.map(({ vm }) => replicaKey(vm)) })
    // Nobody waits for a host that may not be there.
    for (const record of unused.filter((one) => one.here === 'disk'))
      void this.#askThere(record)
        .then((claim) => this.#forgetEnded(record, claim))
        .catch((error: unknown) =>
          log.debug({ vm: record.vm, error }, 'its replica may still be there'),
        )
  }

  async #askThere({ vm, other }: ReplicaRecord): Promise<Claim> {
    const url = await this.#hosts.resolve(other)
    return await this.#environment.peers.connect(url).claim(vm)
  }

  /** Where no replica is, nobody can claim the VM: there is nothing more to be asked. */
  async #forgetEnded({ vm }: ReplicaRecord, claim: Claim): Promise<void> {
    if (!claim.isClaimed && !claim.keepsReplica) await this.#forget(vm)
  }

  async #stop(id: string): Promise<void> {
    const { storage } = this.#environment
    const { side } = await storage.getReplication(id)
    await storage.stopReplication(id, side === 'source' ? 'volume' : 'nothing')
  }

  async #forget(vm: string): Promise<void> {
    if ((await this.list()).some((replica) => replica.vm === vm)) return
    await removeReplica(this.#environment.store, vm)
  }

  async #tell(other: string, id: string): Promise<boolean> {
    const { peers, log } = this.#environment
    try {
      await peers.connect(await this.#hosts.resolve(other)).replicaDropped(id)
      return true
    } catch (error) {
      log.warn({ replication: id, error }, 'the other host could not be told that a replica ended')
      return false
    }
  }
}
