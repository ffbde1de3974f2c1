import { settleAll } from '../../lib/settle-all.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmCreate, VmDisk, VmInterface, VmStart } from '../../model/vm.ts'
import type { Random } from '../../ports/clock.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { describeVm } from '../migration/describe-vm.ts'
import { readOwnership } from '../migration/epochs.ts'

/** VM.start: a VM on VDIs of this host. Answers its id. What was brought up for it goes again if it fails. */
export async function startVm(
  environment: ToolstackEnvironment,
  wanted: VmCreate,
): Promise<string> {
  const { hypervisor, storage, random } = environment
  const { disks: vdis, interfaces, ...rest } = wanted
  const id = wanted.id ?? random.uuid()
  await refuseDouble(environment, id, wanted.name)
  await refuseForeign(environment, id)
  const raised: string[] = []
  try {
    const disks: VmDisk[] = []
    for (const [index, { vdi, readOnly }] of vdis.entries()) {
      const device = await raise(environment, vdi, raised)
      const letter = String.fromCharCode('a'.charCodeAt(0) + index)
      disks.push({ slot: `${hypervisor.capabilities.diskSlotPrefix}${letter}`, device, readOnly })
    }
    const start: VmStart = { ...rest, id, disks, interfaces: plug(interfaces, random) }
    await hypervisor.start(start)
    return id
  } catch (error) {
    await settleAll(raised.map((vdi) => lower(storage, vdi))).catch((failure: unknown) => {
      environment.log.error({ vm: id, error: failure }, 'a disk could not be put away again')
    })
    throw error
  }
}

/** VM.hard_shutdown: as if its power were cut. Its disks are put away; they keep what is on them. */
export async function destroyVm(environment: ToolstackEnvironment, vm: string): Promise<void> {
  const { hypervisor, storage } = environment
  const { disks } = await describeVm(environment, vm)
  await hypervisor.destroy(vm)
  await settleAll(
    disks.map(async ({ vdi }) => {
      if (vdi.state === 'activated') await lower(storage, vdi.id)
      if (vdi.state === 'adopted') await storage.disown(vdi.id)
    }),
  )
}

async function refuseDouble({ hypervisor }: ToolstackEnvironment, id: string, name: string) {
  const vms = await hypervisor.list()
  if (vms.some((vm) => vm.id === id || vm.name === name))
    throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vm', id: name })
}

/** A VM that has been handed over may run only where it went. */
async function refuseForeign({ store }: ToolstackEnvironment, id: string): Promise<void> {
  const { state, epoch } = await readOwnership(store, id)
  if (state === 'owned') return
  throw new CrosspoolError('WRONG_STATE', {
    ...{ kind: 'vm', id, state: `${state} at epoch ${epoch}` },
    ...{ operation: 'start', needed: 'owned by this host' },
  })
}

/** Answers the VDI's device. `raised` notes what has to be taken back. */
async function raise(
  { hypervisor, storage }: ToolstackEnvironment,
  vdi: string,
  raised: string[],
): Promise<string> {
  const before = await storage.getVdi(vdi)
  const user = before.device
    ? (await hypervisor.list()).find(({ disks }) => disks.some((d) => d.device === before.device))
    : undefined
  if (user) throw new CrosspoolError('BUSY', { kind: 'vdi', id: vdi, user: `VM ${user.name}` })
  if (before.state === 'detached') raised.push(vdi)
  await storage.attach(vdi)
  const { device } = await storage.activate(vdi)
  if (device !== null) return device
  throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: vdi })
}

async function lower(storage: StorageManager, vdi: string): Promise<void> {
  await storage.deactivate(vdi)
  await storage.detach(vdi)
}

function plug(interfaces: VmCreate['interfaces'], random: Random): VmInterface[] {
  return interfaces.map(({ network, mac }, index) => ({
    slot: String(index),
    network,
    mac: mac ?? randomMac(random),
  }))
}

/** QEMU's and KVM's prefix, of the range that everybody may use. */
function randomMac(random: Random): string {
  const digits = random.uuid().replaceAll('-', '').slice(-6)
  return `52:54:00:${digits.match(/../g)?.join(':')}`
}
