import type { VolumeFormat } from '../../model/vdi.ts'

export type FileCommand = readonly [command: string, ...args: string[]]

export function listLoopDevices(): FileCommand {
  const columns = 'NAME,BACK-FILE,OFFSET,SIZELIMIT,DIO,AUTOCLEAR'
  return ['losetup', '--json', '--list', '--output', columns]
}

/**
 * The size limit changes nothing for a file of that size. It is the mark by which we know our own
 * loop device from one that the administrator made over the same file.
 */
export function attachLoopDevice(file: string, sizeBytes: number, direct: boolean): FileCommand {
  const options = ['--find', '--show', '--sizelimit', String(sizeBytes)]
  return ['losetup', ...options, `--direct-io=${direct ? 'on' : 'off'}`, file]
}

export function detachLoopDevice(device: string): FileCommand {
  return ['losetup', '--detach', device]
}

/** QEMU's names for the formats of images. */
const qemuFormats: Readonly<Record<VolumeFormat, string>> = {
  ...{ raw: 'raw', qcow2: 'qcow2', vhd: 'vpc' },
}

/** A VHD is else rounded up to whole cylinders, and would not be of its peer's size. */
export function createImage(
  file: string,
  format: Exclude<VolumeFormat, 'raw'>,
  sizeBytes: number,
): FileCommand {
  const options = { qcow2: 'lazy_refcounts=on', vhd: 'subformat=dynamic,force_size=on' }[format]
  const how = ['-q', '-f', qemuFormats[format], '-o', options]
  return ['qemu-img', 'create', ...how, file, String(sizeBytes)]
}

/** The mark stands in the arguments of the server that `--fork` leaves behind. */
export const networkDeviceMark = '--description=crosspool'

export function attachNetworkDevice(
  device: string,
  file: string,
  format: VolumeFormat,
  direct: boolean,
): FileCommand {
  const cache = direct ? ['--cache=none', '--aio=threads'] : ['--cache=writeback']
  const how = ['--fork', networkDeviceMark, ...cache, '--discard=unmap', '--detect-zeroes=unmap']
  return ['qemu-nbd', `--connect=${device}`, `--format=${qemuFormats[format]}`, ...how, file]
}

export function detachNetworkDevice(device: string): FileCommand {
  return ['qemu-nbd', `--disconnect`, device]
}

/** Many devices cost nothing; the default of 16 is soon used up. Partitions are the guest's affair. */
export function loadNetworkDevices(): FileCommand {
  return ['modprobe', 'nbd', 'nbds_max=128', 'max_part=0']
}
