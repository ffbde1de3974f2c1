import type { ReceiveRequest } from '../../model/migration.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { describeHost } from '../vms/describe-host.ts'
import { readOwnership } from './epochs.ts'
import type { DestinationFacts, KeptHere } from './plan-receive.ts'
import type { ReceiverRecord } from './receiver-record.ts'
import { listVmRecords, readVmRecord } from './vm-records.ts'

/** Asks everything that the destination's checks look at, side by side. */
export async function gatherDestinationFacts(
  environment: ToolstackEnvironment,
  request: ReceiveRequest,
  receivers: readonly ReceiverRecord[],
): Promise<DestinationFacts> {
  const { hypervisor, storage, store } = environment
  const isReadable = hypervisor.capabilities.type === request.vm.hypervisor
  const [host, srs, vms, missingCpuFeatures, unusableBootFiles, ownership, record] =
    await Promise.all([
      describeHost(environment),
      storage.listSrs(),
      hypervisor.list(),
      isReadable ? hypervisor.missingCpuFeatures(request.vm) : [],
      isReadable ? hypervisor.unusableBootFiles(request.vm) : [],
      readOwnership(store, request.vm.id),
      readVmRecord(store, request.vm.id),
    ])
  const sharedIds = new Set(srs.filter(({ shared }) => shared).map(({ id }) => id))
  const wanted = request.disks.filter(({ srShared, sr }) => srShared && sharedIds.has(sr))
  const vdis = wanted.length ? await storage.listVdis() : []
  const reached = vdis.filter(({ sr }) => sharedIds.has(sr))
  const records = vdis.length ? await listVmRecords(store) : []
  const reserved = receivers.filter(({ state }) => state === 'reserved' || state === 'receiving')
  return {
    host,
    srs,
    reachableVdis: new Set(reached.map(({ id }) => id)),
    usedVdis: new Set([
      ...reached.filter(({ state }) => state !== 'detached').map(({ id }) => id),
      ...records.flatMap(({ definition }) => definition.disks.map(({ vdi }) => vdi)),
    ]),
    replicas: await replicasHere(environment),
    vms,
    isKnownHalted: record !== null,
    networks: host.networks,
    receivers: receivers.map(({ id, request: { vm } }) => ({ id, vm: vm.id })),
    reservedMemoryBytes: reserved.reduce((sum, record) => sum + record.request.vm.memoryBytes, 0),
    missingCpuFeatures,
    unusableBootFiles,
    usableDeviceKinds: hypervisor.capabilities.deviceKinds,
    knownEpoch: ownership.epoch,
  }
}

async function replicasHere({
  storage,
}: ToolstackEnvironment): Promise<ReadonlyMap<string, KeptHere>> {
  const replications = await storage.listReplications()
  if (!replications.some(({ kept, side }) => kept && side === 'target')) return new Map()
  const vdis = await storage.listVdis()
  return new Map(
    replications.flatMap(({ id, vdi, side, sizeBytes, kept }) => {
      const sr = vdis.find((one) => one.id === vdi)?.sr
      if (!kept || side !== 'target' || sr === undefined) return []
      return [
        [id, { vdi, sr, sizeBytes, vm: kept.vm, slot: kept.slot, other: kept.other }] as const,
      ]
    }),
  )
}
