import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabImage } from '../image/build-image.ts'
import { initramfs } from '../image/cpio.ts'
import { cacheEntry, hashOf } from '../support/cache-entry.ts'
import { compileStatic } from '../support/compile-static.ts'
import { labSourceDirectory } from '../support/paths.ts'

export interface GuestFiles {
  /** The plain ELF kernel, for Xen's PVH and QEMU's -kernel. */
  readonly kernel: string
  readonly compressedKernel: string
  readonly initramfs: string
}

/** Builds what the test guest boots from, or finds it in the cache. The same files boot on Xen and on QEMU. */
export async function ensureGuest(image: LabImage): Promise<GuestFiles> {
  const guest = join(labSourceDirectory, 'guest')
  const sources = (await readdir(guest)).filter((name) => /\.[ch]$/.test(name)).sort()
  const texts = await Promise.all(sources.map((name) => readFile(join(guest, name), 'utf8')))
  const machine = join(labSourceDirectory, 'machine')
  const key = await hashOf([machine], [image.key, ...texts])
  const directory = await cacheEntry('guest', key, async (temporary) => {
    await writeFile(join(temporary, 'initrd.img'), await guestInitramfs(image))
  })
  return {
    kernel: image.kernel,
    compressedKernel: image.compressedKernel,
    initramfs: join(directory, 'initrd.img'),
  }
}

async function guestInitramfs(image: LabImage): Promise<Buffer> {
  const sources = ['guest/init.c', 'guest/writer.c', 'guest/report.c']
  const program = await compileStatic(sources, ['-pthread'])
  const names = await readdir(image.modulesDirectory)
  const modules = await Promise.all(
    names.map(async (path) => ({
      path,
      content: await readFile(join(image.modulesDirectory, path)),
    })),
  )
  return initramfs([
    { path: 'dev' },
    { path: 'proc' },
    { path: 'init', content: program, isExecutable: true },
    ...modules,
  ])
}
