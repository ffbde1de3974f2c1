import { createHash, timingSafeEqual } from 'node:crypto'
import { CrosspoolError } from '../../model/errors.ts'
import type { ReceiveRequest } from '../../model/migration.ts'
import type { Receiver, ReceiverState } from '../../model/receiver.ts'
import type { VmConfiguration } from '../../model/vm.ts'
import type { Log } from '../../ports/log.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'

/** What the destination must remember of an arriving VM across a restart. */
export interface ReceiverRecord {
  readonly id: string
  readonly tokenHash: string
  /** Fingerprint of the host that asked, the only one that may use the token; null: asked on this host. */
  readonly source: string | null
  readonly request: ReceiveRequest
  readonly disks: readonly ReceiverDisk[]
  readonly state: ReceiverState
  readonly reason: string | null
  /** False while something made for an aborted receiver may still be there. */
  readonly cleaned: boolean
}

export interface ReceiverDisk {
  readonly slot: string
  readonly vdi: string
  readonly sr: string
  readonly name: string
  readonly sizeBytes: number
  /** Made for this receiver: goes with it if it is aborted. */
  readonly created: boolean
  /** It was a replica, and is one again if this receiver is aborted. */
  readonly isReplica?: boolean
  readonly device: string | null
  readonly uri: string | null
  readonly replication: string | null
}

const prefix = 'receivers/'

export async function saveReceiver(store: RecordStore, record: ReceiverRecord): Promise<void> {
  await store.transact({ puts: [receiverPut(record)] })
}

/** Saves it as what it has become. */
export async function recordReceiver(
  { store, log }: { readonly store: RecordStore; readonly log: Log },
  record: ReceiverRecord,
): Promise<ReceiverRecord> {
  await saveReceiver(store, record)
  noteReceiver(log, record)
  return record
}

export function receiverPut(record: ReceiverRecord) {
  return { key: prefix + record.id, value: record as unknown as Json }
}

/** Tells in the log what has become of it: the operation's id is there as it is at the source. */
export function noteReceiver(log: Log, { id, state, request, disks }: ReceiverRecord): void {
  const replications = disks.flatMap(({ replication }) => replication ?? [])
  const { operation } = request
  log.info({ operation, receiver: id, vm: request.vm.id, replications }, `receiver is ${state}`)
}

/** @throws NOT_FOUND */
export async function loadReceiver(store: RecordStore, id: string): Promise<ReceiverRecord> {
  const record = await store.get<Json>(prefix + id)
  if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id })
  return record.value as unknown as ReceiverRecord
}

export async function listReceivers(store: RecordStore): Promise<ReceiverRecord[]> {
  return (await store.list<Json>(prefix)).map(({ value }) => value as unknown as ReceiverRecord)
}

/** @throws UNAUTHORIZED */
export function checkToken(record: ReceiverRecord, token: string): void {
  const given = Buffer.from(hashToken(token))
  if (!timingSafeEqual(given, Buffer.from(record.tokenHash)))
    throw new CrosspoolError('UNAUTHORIZED')
}

/** What a host has asked for is for it alone; what an administrator has, for whoever has the token. @throws UNAUTHORIZED, NOT_FOUND */
export async function expectSource(
  store: RecordStore,
  id: string,
  source: string | null,
): Promise<void> {
  const record = await loadReceiver(store, id)
  const isForAnother = record.source !== null && record.source !== source
  if (source !== null && isForAnother) throw new CrosspoolError('UNAUTHORIZED')
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Until the disks have been taken the VM is the source's, and the receiver may still say no by itself. */
export function isTheSources(state: ReceiverState): boolean {
  return state === 'reserved' || state === 'receiving' || state === 'ready'
}

export function hasEnded(record: ReceiverRecord): boolean {
  return record.state === 'closed' || (record.state === 'aborted' && record.cleaned)
}

/** For whoever only looks. */
export function withoutSecrets(record: ReceiverRecord): Receiver {
  const { disks, ...shown } = receiverDocument(record)
  return { ...shown, disks: disks.map((disk) => ({ ...disk, replicationUri: null })) }
}

export function receiverDocument(record: ReceiverRecord): Receiver {
  const { id, request, state, reason, disks } = record
  return {
    id,
    operation: request.operation,
    vm: request.vm.id,
    epoch: request.epoch,
    state,
    reason,
    disks: disks.map(({ slot, vdi, sr, uri }) => ({ slot, vdi, sr, replicationUri: uri })),
    memoryPath: `/v1/receivers/${id}/memory`,
    heartbeatPath: `/v1/receivers/${id}/heartbeat`,
  }
}

/** The VM's configuration with the disks and networks that it has here. */
export function configurationHere({ request, disks }: ReceiverRecord): VmConfiguration {
  const { vm, interfaces } = request
  return {
    ...vm,
    disks: vm.disks.map((disk) => {
      const here = disks.find(({ slot }) => slot === disk.slot)
      if (!here?.device) throw new CrosspoolError('NOT_FOUND', { kind: 'disk', id: disk.slot })
      return { ...disk, device: here.device }
    }),
    interfaces: vm.interfaces.map((nic) => {
      const planned = interfaces.find(({ slot }) => slot === nic.slot)
      return { ...nic, network: planned?.network ?? nic.network }
    }),
  }
}

/** What the source gets from a receiver that has refused. */
export function refusal(reason: string | null, cause?: unknown): CrosspoolError {
  return new CrosspoolError('HANDOVER_REFUSED', { reason: reason ?? 'it was aborted' }, cause)
}

export function wrongState(
  { id, state }: ReceiverRecord,
  operation: string,
  needed: string,
): CrosspoolError {
  return new CrosspoolError('WRONG_STATE', { kind: 'receiver', id, state, operation, needed })
}
