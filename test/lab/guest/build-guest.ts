import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initramfs } from '../image/cpio.ts'
import { cacheEntry, hashOf } from '../support/cache-entry.ts'
import { compileStatic } from '../support/compile-static.ts'
import { labSourceDirectory } from '../support/paths.ts'

/** What a guest's files are made of, besides our own programs: a kernel and the modules that the guest loads. */
export interface GuestKernel {
  readonly kernel: string
  readonly modulesDirectory: string
  /** Names exactly this kernel in the cache. */
  readonly key: string
}

export interface GuestFiles {
  readonly kernel: string
  readonly initramfs: string
}

/** Builds what the test guest boots from, or finds it in the cache. The same files boot on Xen and on QEMU. */
export async function ensureGuest(source: GuestKernel): Promise<GuestFiles> {
  const guest = join(labSourceDirectory, 'guest')
  const sources = (await readdir(guest)).filter((name) => /\.[ch]$/.test(name)).sort()
  const texts = await Promise.all(sources.map((name) => readFile(join(guest, name), 'utf8')))
  const machine = join(labSourceDirectory, 'machine')
  const key = await hashOf([machine], [source.key, ...texts])
  const directory = await cacheEntry('guest', key, async (temporary) => {
    await writeFile(join(temporary, 'initrd.img'), await guestInitramfs(source))
  })
  return { kernel: source.kernel, initramfs: join(directory, 'initrd.img') }
}

async function guestInitramfs(source: GuestKernel): Promise<Buffer> {
  const sources = ['guest/init.c', 'guest/writer.c', 'guest/report.c']
  const program = await compileStatic(sources, ['-pthread'])
  const names = await readdir(source.modulesDirectory)
  const modules = await Promise.all(
    names.map(async (path) => ({
      path,
      content: await readFile(join(source.modulesDirectory, path)),
    })),
  )
  return initramfs([
    { path: 'dev' },
    { path: 'proc' },
    { path: 'init', content: program, isExecutable: true },
    { path: 'sbin' },
    { path: 'sbin/poweroff', content: program, isExecutable: true },
    ...modules,
  ])
}
