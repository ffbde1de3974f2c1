import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { optionValue } from '../../src/lib/qmp/option-value.ts'
import type { VolumeFormat } from '../../src/model/vdi.ts'
import { regionBytes, regionOffsetBytes } from '../lab/guest/record.ts'

/** An image file of a host. */
export interface ImageFile {
  readonly path: string
  readonly format: VolumeFormat
}

const qemuFormats: Readonly<Record<VolumeFormat, string>> = {
  ...{ raw: 'raw', qcow2: 'qcow2', vhd: 'vpc' },
}

/** The record region of a disk, by QEMU's own tool, past the process that serves the disk. */
export async function readRegion(image: ImageFile, slots: number): Promise<Buffer> {
  return await readBytes(image, { offset: regionOffsetBytes, size: regionBytes(slots) })
}

/** Everything that is on a disk. */
export async function readDisk(image: ImageFile): Promise<Buffer> {
  return await readBytes(image, {})
}

async function readBytes(
  { path, format }: ImageFile,
  part: { readonly offset?: number; readonly size?: number },
): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-read-'))
  try {
    const output = join(folder, 'bytes')
    const node = {
      ...{ driver: 'raw', ...part, 'file.driver': qemuFormats[format] },
      ...{ 'file.file.driver': 'file', 'file.file.filename': optionValue(path) },
    }
    const source = Object.entries(node).map(([name, value]) => `${name}=${value}`)
    // -U: the image may be open in the process that serves it.
    const words = ['convert', '-U', '--image-opts', source.join(','), '-O', 'raw', output]
    await execa('qemu-img', words, { timeout: 60_000 })
    return await readFile(output)
  } finally {
    await rm(folder, { recursive: true })
  }
}
