import type { TestGuest } from '../lab/guest/test-guest.ts'
import type { ClusterHost } from './cluster.ts'

/** Ends the guest and removes its disks, those that Crosspool made. */
export async function endGuest(guest: TestGuest, host: ClusterHost): Promise<void> {
  const { disks } = await host.toolstack.getVm({ params: { vm: guest.name } })
  await guest.destroyOn(host.lab)
  for (const { device } of disks) {
    const [vdi] = await host.storage.listVdis({ device })
    if (!vdi) throw new Error(`no VDI for ${device}`)
    if (vdi.state === 'activated') await host.storage.deactivate(vdi.id)
    await host.storage.detach(vdi.id)
    if (vdi.managed) await host.storage.destroyVdi(vdi.id)
  }
}
