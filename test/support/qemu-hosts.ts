import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootDisk } from '../../src/drivers/hypervisor-qemu/prove-kvm.ts'
import type { QemuLimits } from '../../src/drivers/hypervisor-qemu/qemu-context.ts'
import {
  createQemuHypervisor,
  type QemuHypervisor,
} from '../../src/drivers/hypervisor-qemu/qemu-hypervisor.ts'
import { listVmFolders } from '../../src/drivers/hypervisor-qemu/vm-folder.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { MiB } from '../../src/lib/units.ts'
import type { VmStart } from '../../src/model/vm.ts'
import { type NbdServer, nbdServer } from './nbd-server.ts'

/** Two hosts with QEMU and one disk that both reach. */
export interface QemuHosts {
  readonly folder: string
  readonly source: QemuHypervisor
  readonly destination: QemuHypervisor
  readonly disk: NbdServer
  readonly image: string
  /** A driver for a host that has been running already. */
  driverOf(host: 'source' | 'destination', limits?: Partial<QemuLimits>): QemuHypervisor
  /** A small guest, started nowhere yet. */
  guest(changes?: Partial<VmStart>): VmStart
  dispose(): Promise<void>
}

/**
 * What the guest does: wait for the timer, count, and write its count to sector 1, over and over.
 * sti; sub ax,ax; mov ds,ax; hlt; inc dword [0x500]; mov ah,0x43 (write); mov dl,0x80; mov si,packet; int 0x13; jmp hlt
 */
export const countingGuest = [
  ...[0xfb, 0x31, 0xc0, 0x8e, 0xd8, 0xf4, 0x66, 0xff, 0x06, 0x00, 0x05],
  ...[0xb8, 0x00, 0x43, 0xb2, 0x80, 0xbe, 0x20, 0x7c, 0xcd, 0x13, 0xeb, 0xef],
  ...Array<number>(9).fill(0x90),
  // At 0x20: a packet of 16 bytes, one sector, from 0000:0500, to sector 1.
  ...[0x10, 0, 1, 0, 0x00, 0x05, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
]

export const hasQemu = spawnSync('qemu-system-x86_64', ['--version']).status === 0

export async function qemuHosts(): Promise<QemuHosts> {
  const folder = await mkdtemp(join(tmpdir(), 'qemu-'))
  const image = join(folder, 'disk.img')
  await writeFile(image, bootDisk(countingGuest))
  const disk = nbdServer(image, join(folder, 'disk.sock'))
  await disk.start()
  const drivers: QemuHypervisor[] = []
  const driverOf = (host: string, limits: Partial<QemuLimits> = {}) => {
    const driver = createQemuHypervisor({
      commandRunner: systemCommandRunner,
      clock: systemClock,
      runtimeDirectory: join(folder, host),
      networks: { lan: { type: 'user' } },
      accelerator: 'tcg',
      limits: { progressMs: 20, ...limits },
    })
    drivers.push(driver)
    return driver
  }
  const source = driverOf('source')
  const destination = driverOf('destination')
  return {
    ...{ folder, source, destination, disk, image, driverOf },
    guest: (changes = {}) => ({
      ...{ id: randomUUID(), name: 'guest', vcpus: 1, memoryBytes: 32 * MiB },
      boot: { disk: true },
      disks: [{ slot: 'vda', device: disk.uri, readOnly: false }],
      interfaces: [{ slot: '0', mac: '52:54:00:12:34:56', network: 'lan' }],
      ...changes,
    }),
    async dispose() {
      for (const driver of drivers) driver.close()
      for (const host of ['source', 'destination'] as const) {
        const driver = driverOf(host)
        // Half-built copies are in no list.
        for (const id of await listVmFolders(join(folder, host, 'qemu'))) await driver.destroy(id)
        driver.close()
      }
      await disk.stop()
      await rm(folder, { recursive: true })
    },
  }
}
