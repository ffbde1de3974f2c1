import type { Host } from '../../../model/host.ts'
import type { Sr } from '../../../model/sr.ts'
import type { Vdi } from '../../../model/vdi.ts'
import type { Vm, VmDisk } from '../../../model/vm.ts'
import type { XenApiBackend } from '../backend.ts'

/** What the objects are made of, except tasks. */
export interface Facts {
  readonly host: Host
  readonly vms: readonly Vm[]
  readonly srs: readonly Sr[]
  readonly vdis: readonly Vdi[]
  /** Id of the VDI behind a VM's disk, by `diskKey`. */
  readonly vdiOfDisk: ReadonlyMap<string, string>
  /** VMs that are on their way here and do not run here yet. */
  readonly arriving: ReadonlySet<string>
}

export function diskKey(vm: string, slot: string): string {
  return `${vm}/${slot}`
}

const beforeRunning: ReadonlySet<string> = new Set([
  'reserved',
  'receiving',
  'ready',
  'owned',
  'starting',
])

export async function gatherFacts({
  toolstack,
  environment,
  describeHost,
}: XenApiBackend): Promise<Facts> {
  const { storage } = environment
  // Before the receivers: a VM that is here by then has a receiver that says whether it still arrives.
  const vms = await toolstack.listVms()
  const [host, srs, vdis, receivers] = await Promise.all([
    describeHost(),
    storage.listSrs(),
    storage.listVdis(),
    toolstack.receivers.list(),
  ])
  const byDevice = new Map(vdis.flatMap(({ id, device }) => (device ? [[device, id]] : [])))
  const found = await Promise.all(
    vms.flatMap((vm) =>
      vm.disks.map(async (disk) => {
        const id = disk.vdi ?? byDevice.get(disk.device) ?? (await findVolume(storage, disk))
        return id === undefined ? [] : [[diskKey(vm.id, disk.slot), id] as const]
      }),
    ),
  )
  const arriving = receivers.filter(({ state }) => beforeRunning.has(state)).map(({ vm }) => vm)
  return {
    ...{ host, vms, srs, vdis },
    vdiOfDisk: new Map(found.flat()),
    arriving: new Set(arriving),
  }
}

/** A VM that Crosspool did not start uses the volume as it is, by a name that its driver knows. */
async function findVolume(
  storage: XenApiBackend['environment']['storage'],
  { device }: VmDisk,
): Promise<string | undefined> {
  const [volume] = await storage.listVdis({ device })
  return volume?.id
}
