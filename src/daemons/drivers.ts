import { createDmBlockMapper } from '../drivers/block-mapper-dm/index.ts'
import { createXenHypervisor } from '../drivers/hypervisor-xen/xen-hypervisor.ts'
import { createDrbdReplicator } from '../drivers/replication-drbd/index.ts'
import { createLoopMetadataVolumes } from '../drivers/replication-drbd/loop-metadata-volumes.ts'
import { systemClock } from '../drivers/system/clock.ts'
import { systemCommandRunner } from '../drivers/system/command-runner.ts'
import { systemRandom } from '../drivers/system/random.ts'
import { createFileVolumeStores } from '../drivers/volume-store-file/index.ts'
import { createLvmVolumeStores } from '../drivers/volume-store-lvm/index.ts'
import { createSharedVolumeStores } from '../drivers/volume-store-shared/index.ts'
import { createKernelDatapath } from '../engine/datapath/kernel-datapath.ts'
import { CrosspoolError } from '../model/errors.ts'
import type { Datapath } from '../ports/datapath.ts'
import type { Hypervisor } from '../ports/hypervisor.ts'
import type { RecordStore } from '../ports/record-store.ts'
import type { VolumeStoreFactory } from '../ports/volume-store.ts'

/** Every driver that a user may name in a configuration or in a request. Adding one is one line here. */
const hypervisors: Readonly<Record<string, (runtimeDirectory: string) => Hypervisor>> = {
  xen: (runtimeDirectory) =>
    createXenHypervisor({
      commandRunner: systemCommandRunner,
      clock: systemClock,
      random: systemRandom,
      runtimeDirectory,
    }),
}

const sharedFolders = createFileVolumeStores(systemCommandRunner, { shared: true })
const sharedDevices = createSharedVolumeStores(systemCommandRunner)

/** By the type of SR. */
export const volumeStores: Readonly<Record<string, VolumeStoreFactory>> = {
  lvm: createLvmVolumeStores(systemCommandRunner),
  file: createFileVolumeStores(systemCommandRunner, { shared: false }),
  shared: (sr) => ('directory' in sr.configuration ? sharedFolders(sr) : sharedDevices(sr)),
}

/** @throws NOT_SUPPORTED */
export function createHypervisor(name: string, runtimeDirectory: string): Hypervisor {
  const create = hypervisors[name]
  if (create) return create(runtimeDirectory)
  const reason = `there is ${Object.keys(hypervisors).join(', ')}`
  throw new CrosspoolError('NOT_SUPPORTED', { what: `Hypervisor ${name}`, reason })
}

export interface DatapathOptions {
  readonly stateDirectory: string
  /** Where other hosts reach this one for replication. */
  readonly address: string
  readonly minors: { readonly from: number; readonly to: number }
  readonly ports: { readonly from: number; readonly to: number }
  readonly records: RecordStore
}

/** The kernel's datapath: device-mapper over DRBD. `close` stops watching; what runs in the kernel goes on. */
export async function createDatapath(
  options: DatapathOptions,
): Promise<{ datapath: Datapath; close(): Promise<void> }> {
  const { records, ...own } = options
  const replicator = await createDrbdReplicator({
    commandRunner: systemCommandRunner,
    clock: systemClock,
    ...own,
  })
  const datapath = createKernelDatapath({
    ...{ replicator, records, clock: systemClock },
    blockMapper: createDmBlockMapper(systemCommandRunner),
    metadataVolumes: createLoopMetadataVolumes(
      systemCommandRunner,
      `${options.stateDirectory}/metadata`,
    ),
  })
  return { datapath, close: () => replicator.close() }
}
