import { createDmBlockMapper } from '../drivers/block-mapper-dm/index.ts'
import { createUserDatapath } from '../drivers/datapath-user/index.ts'
import { createQemuHypervisor } from '../drivers/hypervisor-qemu/qemu-hypervisor.ts'
import { createXenHypervisor } from '../drivers/hypervisor-xen/xen-hypervisor.ts'
import { createDrbdReplicator } from '../drivers/replication-drbd/index.ts'
import { createLoopMetadataVolumes } from '../drivers/replication-drbd/loop-metadata-volumes.ts'
import { createWireguardLinks } from '../drivers/secure-link-wireguard/index.ts'
import { systemClock } from '../drivers/system/clock.ts'
import { systemCommandRunner } from '../drivers/system/command-runner.ts'
import { systemRandom } from '../drivers/system/random.ts'
import { createFileVolumeStores } from '../drivers/volume-store-file/index.ts'
import { createLvmVolumeStores } from '../drivers/volume-store-lvm/index.ts'
import { createPluginVolumeStores } from '../drivers/volume-store-plugin/index.ts'
import { createSharedVolumeStores } from '../drivers/volume-store-shared/index.ts'
import { createKernelDatapath } from '../engine/datapath/kernel-datapath.ts'
import { isCrosspoolError } from '../model/errors.ts'
import type { Datapath } from '../ports/datapath.ts'
import type { Hypervisor } from '../ports/hypervisor.ts'
import type { Log } from '../ports/log.ts'
import type { RecordStore } from '../ports/record-store.ts'
import type { VolumeStoreFactory } from '../ports/volume-store.ts'
import type { StorageConfiguration } from './storage/configuration.ts'
import type { ToolstackConfiguration } from './toolstack/configuration.ts'

export type HypervisorOptions = Pick<ToolstackConfiguration, 'runtimeDirectory' | 'qemu' | 'xen'>

const system = { commandRunner: systemCommandRunner, clock: systemClock, random: systemRandom }

/** Every driver that a user may name in a configuration or in a request. Adding one is one line here. */
export const hypervisors: Readonly<
  Record<ToolstackConfiguration['hypervisor'], (options: HypervisorOptions) => Hypervisor>
> = {
  xen: ({ runtimeDirectory, xen }) => createXenHypervisor({ ...system, ...xen, runtimeDirectory }),
  qemu: ({ runtimeDirectory, qemu }) =>
    createQemuHypervisor({ ...system, ...qemu, runtimeDirectory }),
}

const sharedFolders = createFileVolumeStores(systemCommandRunner, { shared: true })
const sharedDevices = createSharedVolumeStores(systemCommandRunner)

/** By the type of SR. */
export const volumeStores: Readonly<Record<string, VolumeStoreFactory>> = {
  lvm: createLvmVolumeStores(systemCommandRunner),
  file: createFileVolumeStores(systemCommandRunner, { shared: false }),
  plugin: createPluginVolumeStores(systemCommandRunner),
  shared: (sr) => ('directory' in sr.configuration ? sharedFolders(sr) : sharedDevices(sr)),
}

export type DatapathOptions = Pick<
  StorageConfiguration,
  'stateDirectory' | 'runtimeDirectory' | 'minors' | 'ports' | 'encryption'
> & {
  /** Where other hosts reach this one for replication. */
  readonly address: string
  readonly records: RecordStore
  readonly log: Log
}

/** `close` stops watching; what runs goes on. */
export interface OpenDatapath {
  readonly datapath: Datapath
  close(): Promise<void>
}

/** By the name that the storage manager's configuration chooses. */
export const datapaths: Readonly<
  Record<StorageConfiguration['datapath'], (options: DatapathOptions) => Promise<OpenDatapath>>
> = {
  kernel: openKernelDatapath,
  user: (options) => createUserDatapath({ ...system, ...options }),
}

/** Device-mapper over DRBD, which goes through WireGuard. */
async function openKernelDatapath(options: DatapathOptions): Promise<OpenDatapath> {
  const { records, stateDirectory, address, minors, ports, encryption } = options
  const replicator = await createDrbdReplicator({
    ...system,
    ...{ stateDirectory, address, minors, ports },
  })
  const datapath = createKernelDatapath({
    ...{ replicator, records, encryption, clock: systemClock, random: systemRandom },
    ...(await openLinks({ stateDirectory, ports })),
    blockMapper: createDmBlockMapper(systemCommandRunner),
    metadataVolumes: createLoopMetadataVolumes(systemCommandRunner, `${stateDirectory}/metadata`),
  })
  return { datapath, close: () => replicator.close() }
}

/** A host that cannot encrypt still takes part in what needs no encryption; the preflight tells why. */
async function openLinks(options: Pick<DatapathOptions, 'stateDirectory' | 'ports'>) {
  try {
    const links = await createWireguardLinks({ ...system, ...options })
    return { links, encryptionObstacle: null }
  } catch (error) {
    if (!isCrosspoolError(error, 'NOT_SUPPORTED')) throw error
    const remedy =
      'mend it and restart sm, or, on a network that you trust, set "encryption": "off" in sm.json on both hosts'
    return { links: null, encryptionObstacle: `${error.details.reason}; ${remedy}` }
  }
}
