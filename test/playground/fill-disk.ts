import { randomFillSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { MiB } from '../../src/lib/units.ts'
import type { PlaygroundHost } from './playground-host.ts'

/** Writes to a VDI, where its user would: data, holes, data. Answers what it then holds. */
export async function fillDisk(
  host: PlaygroundHost,
  vdi: string,
  sizeBytes: number,
): Promise<Buffer> {
  const content = Buffer.alloc(sizeBytes)
  randomFillSync(content, 0, MiB / 2)
  randomFillSync(content, 3 * MiB + 512, MiB)
  randomFillSync(content, sizeBytes - MiB - 512, MiB)
  randomFillSync(content, sizeBytes - 512, 512)
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-fill-'))
  try {
    const file = join(folder, 'bytes')
    await writeFile(file, content)
    await host.storage.attach(vdi)
    const { device } = await host.storage.activate(vdi)
    if (!device) throw new Error(`VDI ${vdi} has no device`)
    await execa('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', file, device])
    await host.storage.deactivate(vdi)
    await host.storage.detach(vdi)
    return content
  } finally {
    await rm(folder, { recursive: true })
  }
}
