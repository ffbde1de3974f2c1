import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { GuestKernel } from '../lab/guest/build-guest.ts'
import { loadOrder } from '../lab/image/kernel-modules.ts'
import { guestModules } from '../lab/image/recipe.ts'
import { cacheEntry, hashOf } from '../lab/support/cache-entry.ts'

/** Debian's kernel for virtual machines. Its LZ4 unpacks in half a second even under emulation, so it stays packed. */
const kernelPackage = 'linux-image-cloud-amd64'

/** Gets Debian's kernel into the cache, once. Nothing is installed, so it needs no root. */
export async function ensureGuestKernel(log: (line: string) => void): Promise<GuestKernel> {
  const key = await hashOf([], [kernelPackage, await readFile(import.meta.filename, 'utf8')])
  const directory = await cacheEntry('kernel', key, async (temporary) => {
    log(`getting ${kernelPackage} from Debian, this once`)
    const tree = await unpackPackage(join(temporary, 'package'))
    await takeKernel(tree, temporary)
    await takeModules(tree, join(temporary, 'modules'))
    await rm(join(temporary, 'package'), { recursive: true })
  })
  return {
    kernel: join(directory, 'vmlinuz'),
    modulesDirectory: join(directory, 'modules'),
    key,
  }
}

/** With lists of our own: those of the system may be old, and only root may renew them. */
async function unpackPackage(directory: string): Promise<string> {
  const tree = join(directory, 'tree')
  for (const folder of ['lists/partial', 'cache/archives/partial', 'tree'])
    await mkdir(join(directory, folder), { recursive: true })
  const own = [
    `Dir::State::Lists=${join(directory, 'lists')}`,
    `Dir::Cache=${join(directory, 'cache')}`,
    'Acquire::Languages=none',
    // As root, apt would hand the download to a user who may not write here.
    'APT::Sandbox::User=',
  ].flatMap((option) => ['-o', option])
  const apt = (program: string, ...words: string[]) =>
    execa(program, [...own, '-qq', ...words], { cwd: directory, timeout: 300_000 })
  await apt('apt-get', 'update')
  const { stdout } = await apt('apt-cache', 'depends', '--important', kernelPackage)
  const versioned = /Depends: (linux-image-\S+)/.exec(stdout)?.[1]
  if (!versioned) throw new Error(`Debian's ${kernelPackage} names no kernel:\n${stdout}`)
  await apt('apt-get', 'download', versioned)
  const archive = (await readdir(directory)).find((name) => name.endsWith('.deb'))
  if (!archive) throw new Error(`apt-get has not brought ${versioned}`)
  await execa('dpkg-deb', ['--extract', archive, tree], { cwd: directory, timeout: 300_000 })
  return tree
}

async function takeKernel(tree: string, target: string): Promise<void> {
  const name = (await readdir(join(tree, 'boot'))).find((file) => file.startsWith('vmlinuz-'))
  if (!name) throw new Error('the package holds no kernel')
  await copyFile(join(tree, 'boot', name), join(target, 'vmlinuz'))
}

/** The guest's modules, and the list "modules" that says in which order to load them. */
async function takeModules(tree: string, target: string): Promise<void> {
  await mkdir(target)
  const all = join(tree, 'lib/modules')
  const files = (await readdir(all, { recursive: true })).filter((path) => path.endsWith('.ko'))
  const paths = new Map(files.map((path) => [moduleName(path), path]))
  const lines: string[] = []
  const pending = [...guestModules]
  for (const name of pending) {
    const path = paths.get(name)
    if (!path) throw new Error(`the kernel has no module ${name}`)
    const needed = neededModules(await readFile(join(all, path)))
    pending.push(...needed.filter((other) => !pending.includes(other)))
    lines.push(`${path}: ${needed.map((other) => paths.get(other) ?? '').join(' ')}`)
  }
  const names: string[] = []
  for (const path of loadOrder(lines.join('\n'), guestModules)) {
    const name = path.slice(path.lastIndexOf('/') + 1)
    await writeFile(join(target, name), await readFile(join(all, path)))
    names.push(name)
  }
  await writeFile(join(target, 'modules'), names.map((name) => `/${name}\n`).join(''))
}

/** What a module says of itself: its package comes without modules.dep, which depmod would make of this. */
function neededModules(content: Buffer): readonly string[] {
  const said = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? ''
  return said.split(',').filter(Boolean).map(moduleName)
}

function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko$/, '')
    .replaceAll('-', '_')
}
