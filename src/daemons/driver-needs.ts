import { blockMapperNeeds } from '../drivers/block-mapper-dm/needs.ts'
import { userDatapathNeeds } from '../drivers/datapath-user/needs.ts'
import { qemuNeeds } from '../drivers/hypervisor-qemu/needs.ts'
import { xenNeeds } from '../drivers/hypervisor-xen/needs.ts'
import { drbdNeeds } from '../drivers/replication-drbd/needs.ts'
import { wireguardNeeds } from '../drivers/secure-link-wireguard/needs.ts'
import { imageNeeds } from '../drivers/volume-store-file/needs.ts'
import { lvmNeeds } from '../drivers/volume-store-lvm/needs.ts'
import { volumeFormatSchema } from '../model/vdi.ts'
import type { HostNeeds } from '../ports/host-needs.ts'
import type { Presentation } from '../ports/volume-store.ts'
import type { StorageConfiguration } from './storage/configuration.ts'
import type { ToolstackConfiguration } from './toolstack/configuration.ts'

/** What the drivers of drivers.ts need of their host, without opening them. */
export const hypervisorNeeds: Readonly<
  Record<ToolstackConfiguration['hypervisor'], (options: ToolstackConfiguration) => HostNeeds>
> = {
  xen: () => xenNeeds,
  qemu: ({ qemu }) => qemuNeeds(qemu),
}

interface DatapathNeeds {
  readonly needs: (options: StorageConfiguration) => readonly HostNeeds[]
  /** How it wants volumes. */
  readonly presentation: Presentation
}

export const datapathNeeds: Readonly<Record<StorageConfiguration['datapath'], DatapathNeeds>> = {
  kernel: {
    needs: (options) => [
      ...[blockMapperNeeds, drbdNeeds(options)],
      ...(options.encryption === 'required' ? [wireguardNeeds] : []),
    ],
    presentation: 'device',
  },
  user: { needs: () => [userDatapathNeeds], presentation: 'image' },
}

interface StoreSettings {
  readonly configuration: Readonly<Record<string, unknown>>
  readonly presentation: Presentation
}

const imagesOf = ({ configuration, presentation }: StoreSettings): HostNeeds =>
  'directory' in configuration
    ? imageNeeds(volumeFormatSchema.catch('raw').parse(configuration.format), presentation)
    : {}

/** By the type of SR; one that is not here needs nothing. */
export const volumeStoreNeeds: Readonly<Record<string, (settings: StoreSettings) => HostNeeds>> = {
  lvm: () => lvmNeeds,
  file: imagesOf,
  shared: imagesOf,
}
