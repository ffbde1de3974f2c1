import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
  /** Puts a guest that follows its power button on the disk, starts it at the source and waits until it listens. */
  startObedientGuest(): Promise<string>
  /** What it has written to its console at the source. */
  consoleOf(vm: string): Promise<string>
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

/**
 * A guest that ends when its power button is pressed: it masks the interrupt of the button, enables
 * the button (before that a press is lost), writes a b to its console and waits; then it asks ACPI
 * to power off.
 * mov al,0xff; out 0xa1,al; mov dx,0x602; mov ax,0x100; out dx,ax; mov dx,0x3f8; mov al,'b'; out dx,al; sti;
 * hlt; mov dx,0x600; in ax,dx; test ah,1; jz hlt; mov dx,0x604; mov ax,0x2000; out dx,ax; jmp .
 */
export const obedientGuest = [
  ...[0xb0, 0xff, 0xe6, 0xa1, 0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef],
  ...[0xba, 0xf8, 0x03, 0xb0, 0x62, 0xee, 0xfb],
  ...[0xf4, 0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf6],
  ...[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xeb, 0xfe],
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
  const consoleOf = (vm: string) =>
    readFile(join(folder, 'source', 'qemu', vm, 'console.log'), 'utf8').catch(() => '')
  const source = driverOf('source')
  const destination = driverOf('destination')
  return {
    ...{ folder, source, destination, disk, image, driverOf },
    guest: (changes = {}) => guestOn(disk, changes),
    async startObedientGuest() {
      await writeFile(image, bootDisk(obedientGuest))
      const guest = guestOn(disk)
      const { id } = guest
      await source.start(guest)
      while ((await consoleOf(id)) === '') await systemClock.sleep(50)
      return id
    },
    consoleOf,
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

function guestOn({ uri }: NbdServer, changes: Partial<VmStart> = {}): VmStart {
  return {
    ...{ id: randomUUID(), name: 'guest', vcpus: 1, memoryBytes: 32 * MiB },
    boot: { disk: true },
    disks: [{ slot: 'vda', device: uri, readOnly: false }],
    interfaces: [{ slot: '0', mac: '52:54:00:12:34:56', network: 'lan' }],
    ...changes,
  }
}
