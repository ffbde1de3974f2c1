import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { execa } from 'execa'
import { bundle } from '../bundle.ts'
import { manPages } from '../man-pages.ts'
import { makeDebianPackage } from './debian-package.ts'
import { Tree } from './tree.ts'

const root = resolve(import.meta.dirname, '../..')
const packaging = join(root, 'packaging')
const library = 'usr/lib/crosspool'

export interface PackageOptions {
  readonly version: string
  /** Where the package goes. */
  readonly folder: string
}

/** The daemons and the command. Answers the path of the package. */
export function makeCrosspoolPackage({ version, folder }: PackageOptions): Promise<string> {
  return inScratch(async (scratch) => {
    const tree = await crosspoolTree(scratch)
    const epochSeconds = await sourceDate()
    return makeDebianPackage({ name: 'crosspool', version, epochSeconds, tree, folder })
  })
}

/** The Node that this runs on, for Crosspool alone. Answers the path of the package. */
export function makeNodePackage(folder: string): Promise<string> {
  return inScratch(async (scratch) => {
    await checkNode()
    const [version, epochSeconds] = [process.versions.node, await sourceDate()]
    const tree = nodeTree(scratch)
    return makeDebianPackage({ name: 'crosspool-node', version, epochSeconds, tree, folder })
  })
}

async function inScratch<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'crosspool-package-'))
  try {
    return await act(scratch)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function crosspoolTree(scratch: string): Promise<Tree> {
  const tree = new Tree(join(scratch, 'crosspool'))
  const programs = join(scratch, 'programs')
  mkdirSync(programs)
  await bundle(programs)
  tree.copy(programs, library)
  tree.copy(join(packaging, 'debian/files/before-restart'), `${library}/before-restart`)
  tree.copy(join(packaging, 'debian/files/etc'), 'etc')
  tree.link('usr/bin/crosspool', '../lib/crosspool/launch')
  for (const daemon of ['crosspool-sm', 'crosspool-xapi']) {
    tree.link(`usr/sbin/${daemon}`, '../lib/crosspool/launch')
    tree.copy(join(packaging, `${daemon}.service`), `usr/lib/systemd/system/${daemon}.service`)
  }
  const configuration = join(packaging, 'configuration')
  if (existsSync(configuration)) tree.copy(configuration, 'etc/crosspool')
  await addCompletions(tree, join(programs, 'crosspool.mjs'))
  for (const [name, text] of manPages())
    tree.writeCompressed(`usr/share/man/man${name.at(-1)}/${name}`, text)
  tree.writeCompressed(
    'usr/share/doc/crosspool/licences.txt',
    readFileSync(join(programs, 'licences.txt')),
  )
  rmSync(join(tree.root, library, 'licences.txt'))
  return tree
}

async function addCompletions(tree: Tree, command: string): Promise<void> {
  const places = {
    bash: 'bash-completion/completions/crosspool',
    zsh: 'zsh/vendor-completions/_crosspool',
    fish: 'fish/vendor_completions.d/crosspool.fish',
  }
  for (const [shell, place] of Object.entries(places)) {
    const { stdout } = await execa(process.execPath, [command, 'completion', shell])
    tree.write(`usr/share/${place}`, `${stdout}\n`)
  }
}

function nodeTree(scratch: string): Tree {
  const tree = new Tree(join(scratch, 'crosspool-node'))
  tree.copy(process.execPath, `${library}/node`)
  const licence = ['../LICENSE', '../share/doc/nodejs/LICENSE']
    .map((path) => resolve(dirname(process.execPath), path))
    .find(existsSync)
  if (licence === undefined)
    throw new Error(`no LICENSE of Node belongs to ${process.execPath}; it must be handed on`)
  tree.writeCompressed('usr/share/doc/crosspool-node/LICENSE', readFileSync(licence))
  return tree
}

/** Debian's own Node needs libraries of that Debian; those that nodejs.org and NodeSource build need none. */
async function checkNode(): Promise<void> {
  const { stdout } = await execa('ldd', [process.execPath])
  const everywhere =
    /^\s*(linux-vdso|libc|libm|libdl|libpthread|libstdc\+\+|libgcc_s|\/lib\S*\/ld-linux\S*)\.so/
  const others = stdout.split('\n').filter((line) => !everywhere.test(line))
  if (others.length > 0)
    throw new Error(
      `${process.execPath} needs libraries that another Debian does not have:\n${others.join('\n')}\nRun this with a Node of nodejs.org or NodeSource.`,
    )
}

/** SOURCE_DATE_EPOCH, or the last commit. */
async function sourceDate(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) return Number(given)
  const { stdout } = await execa('git', ['log', '-1', '--format=%ct'], { cwd: root })
  return Number(stdout)
}
