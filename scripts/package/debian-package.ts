import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import type { Tree } from './tree.ts'

const descriptions = resolve(import.meta.dirname, '../../packaging/debian')

export interface DebianPackage {
  readonly name: string
  readonly version: string
  /** Of all files, in seconds since 1970: two builds of one state of the source are equal to the byte. */
  readonly epochSeconds: number
  readonly tree: Tree
  /** Where the file goes. */
  readonly folder: string
}

/** Makes NAME_VERSION_ARCHITECTURE.deb of what is in the tree and in packaging/debian/NAME. Answers its path. */
export async function makeDebianPackage(wanted: DebianPackage): Promise<string> {
  const { name, version, epochSeconds, tree, folder } = wanted
  const architecture = (await execa('dpkg', ['--print-architecture'])).stdout
  writeDocumentation(wanted)
  const files = tree.files()
  const installedSizeKib = String(Math.ceil(tree.sizeBytes() / 1024))
  const control = readFileSync(join(descriptions, name, 'control'), 'utf8')
  const values: Readonly<Record<string, string>> = { version, architecture, installedSizeKib }
  for (const file of readdirSync(join(descriptions, name)).filter(isForDpkg))
    tree.copy(join(descriptions, name, file), `DEBIAN/${file}`)
  tree.write(
    'DEBIAN/control',
    control.replace(/\$\{(\w+)\}/g, (_, key: string) => values[key] ?? ''),
  )
  const configuration = files.filter((file) => file.startsWith('etc/'))
  if (configuration.length > 0)
    tree.write('DEBIAN/conffiles', configuration.map((file) => `/${file}\n`).join(''))
  tree.write(
    'DEBIAN/md5sums',
    files.map((file) => `${md5(join(tree.root, file))}  ${file}\n`).join(''),
  )
  tree.settleModes()
  const deb = join(folder, `${name}_${version}_${architecture}.deb`)
  // One thread, since how many there are can be seen in what xz writes.
  const how = ['--root-owner-group', '-Zxz', '-z2', '--threads-max=1']
  await execa('dpkg-deb', ['--build', ...how, tree.root, deb], {
    env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
  })
  return deb
}

/** What Debian's policy asks of every package, and where we know better than lintian. */
function writeDocumentation({ name, version, epochSeconds, tree }: DebianPackage): void {
  const folder = `usr/share/doc/${name}`
  tree.copy(join(descriptions, name, 'copyright'), `${folder}/copyright`)
  tree.copy(join(descriptions, name, 'lintian-overrides'), `usr/share/lintian/overrides/${name}`)
  const date = new Date(epochSeconds * 1000).toUTCString().replace('GMT', '+0000')
  const maintainer = /^Maintainer: (.*)$/m.exec(
    readFileSync(join(descriptions, name, 'control'), 'utf8'),
  )?.[1]
  tree.writeCompressed(
    `${folder}/changelog`,
    `${name} (${version}) unstable; urgency=medium\n\n  * Release ${version}.\n\n -- ${maintainer}  ${date}\n`,
  )
}

function isForDpkg(file: string): boolean {
  return file !== 'copyright' && file !== 'lintian-overrides'
}

function md5(file: string): string {
  return createHash('md5').update(readFileSync(file)).digest('hex')
}
