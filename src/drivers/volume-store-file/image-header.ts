import type { FileHandle } from 'node:fs/promises'
import type { VolumeFormat } from '../../model/vdi.ts'

const blockBytes = 512

/**
 * Size of the disk that an image holds, read from its header; null where the file is no whole image
 * of that format. qcow2: docs/interop/qcow2.txt of QEMU; VHD: "Virtual Hard Disk Image Format
 * Specification", of which the footer stands at the end, and of a growing disk also at the start.
 */
export async function readDiskBytes(
  file: FileHandle,
  format: VolumeFormat,
  fileBytes: number,
): Promise<number | null> {
  if (format === 'raw') return fileBytes - (fileBytes % blockBytes)
  if (format === 'qcow2') return qcow2DiskBytes(await readBlock(file, 0))
  return (
    vhdDiskBytes(await readBlock(file, Math.max(0, fileBytes - blockBytes))) ??
    vhdDiskBytes(await readBlock(file, 0))
  )
}

export function qcow2DiskBytes(header: Buffer): number | null {
  const isOne = header.length >= 32 && header.readUInt32BE(0) === 0x514649fb
  return isOne ? Number(header.readBigUInt64BE(24)) : null
}

/** As QEMU reads it: some creators mean the geometry, unless that is as large as it can be. */
export function vhdDiskBytes(footer: Buffer): number | null {
  if (footer.length < 60 || footer.toString('latin1', 0, 8) !== 'conectix') return null
  const creator = footer.toString('latin1', 28, 32)
  const [heads, sectors] = [footer.readUInt8(58), footer.readUInt8(59)]
  const blocks = footer.readUInt16BE(56) * heads * sectors
  const meansGeometry = !creatorsOfExactSizes.includes(creator) && blocks !== largestGeometryBlocks
  return meansGeometry ? blocks * blockBytes : Number(footer.readBigUInt64BE(48))
}

const creatorsOfExactSizes = ['win ', 'qem2', 'd2v ', 'CTXS', 'tap\0']
const largestGeometryBlocks = 65535 * 16 * 255

async function readBlock(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(blockBytes), 0, blockBytes, position)
  return buffer.subarray(0, bytesRead)
}
