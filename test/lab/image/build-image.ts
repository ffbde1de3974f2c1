import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { execa } from 'execa'
import { cacheEntry, hashOf } from '../support/cache-entry.ts'
import { compileStatic } from '../support/compile-static.ts'
import { labSourceDirectory } from '../support/paths.ts'
import { type ArchiveEntry, initramfs } from './cpio.ts'
import { plainKernel } from './kernel-image.ts'
import { loadOrder } from './kernel-modules.ts'
import * as recipe from './recipe.ts'
import { makeRootFileSystem } from './root-file-system.ts'

/** Paths of what hosts and guests boot from. All of it is read-only: each host writes to an overlay of its own. */
export interface LabImage {
  readonly rootDisk: string
  readonly hypervisor: string
  /** The plain ELF kernel, for dom0 and for PVH guests; and the compressed one, for other boot loaders. */
  readonly kernel: string
  readonly compressedKernel: string
  readonly hostInitramfs: string
  readonly modulesDirectory: string
  readonly privateKey: string
  readonly key: string
}

/** Builds the image or finds it in the cache. */
export async function ensureImage(log: (line: string) => void): Promise<LabImage> {
  const key = await hashOf(
    [join(labSourceDirectory, 'image'), join(labSourceDirectory, 'machine')],
    [process.version, process.arch],
  )
  const directory = await cacheEntry('image', key, (temporary) => build(temporary, log))
  return {
    rootDisk: join(directory, 'root.raw'),
    hypervisor: join(directory, 'xen.elf'),
    kernel: join(directory, 'vmlinux'),
    compressedKernel: join(directory, 'vmlinuz'),
    hostInitramfs: join(directory, 'host-initrd.img'),
    modulesDirectory: join(directory, 'modules'),
    privateKey: join(directory, 'id_ed25519'),
    key,
  }
}

async function build(directory: string, log: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'building the image of the lab needs root (mmdebstrap makes device nodes and owners)',
    )
  }
  const startMs = performance.now()
  const step = (what: string): void =>
    log(`image: ${((performance.now() - startMs) / 1000).toFixed(1)} s: ${what}`)

  const keyFile = join(directory, 'id_ed25519')
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'crosspool-lab', '-f', keyFile])
  const root = join(directory, 'root')
  step('installing Debian')
  await makeRootFileSystem(root, keyFile)
  step('kernel and initramfs')
  await takeBootFiles(root, directory)
  step('file system')
  await makeDisk(root, join(directory, 'root.raw'))
  await rm(root, { recursive: true })
  step('done')
}

async function takeBootFiles(root: string, directory: string): Promise<void> {
  const bootFiles = await readdir(join(root, 'boot'))
  const bootFile = (prefix: string, suffix: string): string => {
    const name = bootFiles.find((file) => file.startsWith(prefix) && file.endsWith(suffix))
    if (!name) throw new Error(`the image has no /boot/${prefix}*${suffix}`)
    return join(root, 'boot', name)
  }
  const hypervisor = await readFile(bootFile('xen-4', 'amd64.gz'))
  await writeFile(join(directory, 'xen.elf'), gunzipSync(hypervisor))
  const compressedKernel = bootFile('vmlinuz-', '')
  await copyFile(compressedKernel, join(directory, 'vmlinuz'))
  const kernel = await plainKernel(await readFile(compressedKernel))
  await writeFile(join(directory, 'vmlinux'), kernel)
  // Where the test guests of this host start from.
  const guestDirectory = join(root, 'var/lib/crosspool-lab/guest')
  await mkdir(guestDirectory, { recursive: true })
  await copyFile(join(directory, 'vmlinux'), join(guestDirectory, 'vmlinux'))
  await copyFile(compressedKernel, join(guestDirectory, 'vmlinuz'))
  await writeFile(
    join(directory, 'host-initrd.img'),
    await hostInitramfs(root, compressedKernel.replace(/^.*\/vmlinuz-/, '')),
  )
  await keepGuestModules(root, directory, compressedKernel.replace(/^.*\/vmlinuz-/, ''))
}

async function hostInitramfs(root: string, release: string): Promise<Buffer> {
  const program = await compileStatic(['machine/host-init.c'])
  const modules = await readModules(join(root, 'lib/modules', release), recipe.hostBootModules)
  return initramfs([
    { path: 'dev' },
    { path: 'root' },
    { path: 'init', content: program, isExecutable: true },
    ...modules,
  ])
}

/** The root tree is thrown away after the build, so what the guest's initramfs is made of is kept beside the disk. */
async function keepGuestModules(root: string, directory: string, release: string): Promise<void> {
  const target = join(directory, 'modules')
  await mkdir(target)
  for (const entry of await readModules(join(root, 'lib/modules', release), recipe.guestModules)) {
    if (entry.content) await writeFile(join(target, entry.path), entry.content)
  }
}

/** The modules by file name, and the list "modules" that says in which order to load them. */
async function readModules(directory: string, wanted: readonly string[]): Promise<ArchiveEntry[]> {
  const order = loadOrder(await readFile(join(directory, 'modules.dep'), 'utf8'), wanted)
  const names = order.map((path) => path.slice(path.lastIndexOf('/') + 1))
  const entries: ArchiveEntry[] = []
  for (const [index, path] of order.entries()) {
    entries.push({ path: names[index] ?? path, content: await readFile(join(directory, path)) })
  }
  const list = names.map((name) => `/${name}\n`).join('')
  return [...entries, { path: 'modules', content: Buffer.from(list) }]
}

/** mke2fs copies the tree itself, so no loop device and no mount is needed. */
async function makeDisk(root: string, disk: string): Promise<void> {
  const features = '^metadata_csum,^64bit'
  await execa(
    'mke2fs',
    [
      '-q',
      '-t',
      'ext4',
      '-d',
      root,
      '-L',
      'root',
      '-O',
      features,
      '-E',
      'lazy_itable_init=1,lazy_journal_init=1',
      '-m',
      '0',
      disk,
      `${recipe.rootSizeBytes / 1024}k`,
    ],
    { timeout: 300_000 },
  ).catch((error: unknown) => {
    throw new Error('mke2fs failed', { cause: error })
  })
}
