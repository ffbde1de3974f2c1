import { execa } from 'execa'

/**
 * Takes the plain ELF kernel out of a compressed bzImage. Xen, QEMU and libxl all boot the plain one, and an emulated
 * CPU would spend seconds on decompressing. The offsets are those of Linux' Documentation/arch/x86/boot.rst.
 */
export async function plainKernel(bzImage: Buffer): Promise<Buffer> {
  const setupSectors = bzImage.readUInt8(0x1f1) || 4
  const payloadOffset = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248)
  const payloadLength = bzImage.readUInt32LE(0x24c)
  // The last four bytes of the payload are the size of the plain kernel, not part of the xz stream.
  const payload = bzImage.subarray(payloadOffset, payloadOffset + payloadLength - 4)
  const { stdout } = await execa('xz', ['--decompress', '--stdout', '--single-stream'], {
    input: payload,
    encoding: 'buffer',
    maxBuffer: 200_000_000,
    timeout: 60_000,
  })
  const kernel = Buffer.from(stdout)
  if (kernel.readUInt32BE(0) !== 0x7f454c46) throw new Error('the kernel is not an ELF file')
  return kernel
}
