import { CrosspoolError } from '../../model/errors.ts'
import type { DeviceMode, SimulatedDevice, StorageWorld } from './storage-world.ts'

/** Points a device elsewhere and lets I/O that waits look again. */
export function retarget(device: SimulatedDevice, mode: DeviceMode): void {
  device.mode = mode
  for (const wake of device.waiting.splice(0)) wake()
}

export function refuseHandover(reason: string): CrosspoolError {
  return new CrosspoolError('HANDOVER_REFUSED', { reason })
}

/**
 * A guest's write to its device. Resolves when it is acknowledged, waits while the device is held,
 * and rejects where a guest would see an I/O error.
 */
export async function writeBlock(
  world: StorageWorld,
  host: string,
  path: string,
  block: number,
  value: string,
): Promise<void> {
  for (;;) {
    const device = findDevice(world, host, path)
    if (device.mode === 'held') {
      await new Promise<void>((resolve) => void device.waiting.push(resolve))
      continue
    }
    if (device.mode === 'fenced' || device.mode === 'standby')
      throw new Error(`I/O error: ${path} of ${host} is ${device.mode}`)
    device.hasWritten = true
    if (device.mode === 'volume') device.volume.blocks.set(block, value)
    else mirrorOf(world, host, device)?.write(host, block, value)
    return
  }
}

/** A guest's read from its device; undefined for a block that was never written. */
export function readBlock(
  world: StorageWorld,
  host: string,
  path: string,
  block: number,
): string | undefined {
  return findDevice(world, host, path).volume.blocks.get(block)
}

function findDevice(world: StorageWorld, host: string, path: string): SimulatedDevice {
  const device = [...world.kernel(host).devices.values()].find(
    (candidate) => candidate.path === path,
  )
  if (!device) throw new Error(`I/O error: ${host} has no device ${path}`)
  return device
}

function mirrorOf(world: StorageWorld, host: string, device: SimulatedDevice) {
  return [...world.pairs.values()].find((pair) => pair.at(host)?.mirror.disk.vdi === device.vdi)
}
