import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KiB, sectorBytes } from '../../lib/units.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'

export type Accelerator = 'kvm' | 'tcg'

/** QEMU ends with this when the guest writes to its debug-exit port: twice what was written, and one. */
const provedStatus = 2 * 0x10 + 1

/**
 * The boot sector of a guest that waits for one interrupt of its timer, then leaves through the
 * debug-exit port: sti; hlt; mov al,0x10; mov dx,0xf4; out dx,al; hlt; jmp.
 */
const guestCode = [0xfb, 0xf4, 0xb0, 0x10, 0xba, 0xf4, 0x00, 0xee, 0xf4, 0xeb, 0xfd]
const bootMark = [0x55, 0xaa]
/** Firmware takes no disk for one that is smaller than a cylinder. */
const diskBytes = 1024 * KiB

/**
 * KVM counts as working when a guest has really run under it: /dev/kvm may open where guests then
 * hang, or are slower than without it, for example within a VM of its own. Firmware boots here in
 * about a tenth of a second.
 */
export async function proveKvm(
  runner: CommandRunner,
  command: string,
  directory: string,
  timeoutMs: number,
): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const disk = join(directory, 'kvm-proof.img')
  await writeFile(disk, bootDisk(guestCode))
  try {
    const { exitCode } = await runner.probe(command, proofArguments(disk), { timeoutMs })
    return exitCode === provedStatus
  } catch {
    return false
  } finally {
    await rm(disk, { force: true })
  }
}

/** A disk that firmware boots, with this code in its first sector. */
export function bootDisk(code: readonly number[]): Buffer {
  const disk = Buffer.alloc(diskBytes)
  disk.set(code)
  disk.set(bootMark, sectorBytes - bootMark.length)
  return disk
}

function proofArguments(disk: string): readonly string[] {
  const node = { driver: 'file', filename: disk, 'node-name': 'disk', 'read-only': true }
  return [
    ...['-machine', 'q35', '-accel', 'kvm', '-m', '16', '-no-reboot'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    ...['-blockdev', JSON.stringify(node), '-device', 'virtio-blk-pci,drive=disk'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
  ]
}
