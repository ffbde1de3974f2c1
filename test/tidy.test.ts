import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The house rules that a program can check. CONTRIBUTING.md says why they are what they are. */
const root = resolve(import.meta.dirname, '..')

/** Who may import whom. A folder may always import itself; the first row that fits a file counts. */
const arrows: readonly { readonly from: string; readonly to: readonly string[] }[] = [
  { from: 'src/model', to: [] },
  { from: 'src/lib', to: [] },
  { from: 'src/ports', to: ['src/model'] },
  {
    from: 'src/drivers/simulated',
    to: ['src/ports', 'src/model', 'src/lib', 'src/engine/datapath', 'src/engine/disks'],
  },
  { from: 'src/drivers', to: ['src/ports', 'src/model', 'src/lib'] },
  { from: 'src/engine/environment.ts', to: ['src/ports'] },
  { from: 'src/engine/access', to: ['src/ports', 'src/model', 'src/lib'] },
  { from: 'src/engine/operation', to: ['src/ports', 'src/model', 'src/lib'] },
  { from: 'src/engine/datapath', to: ['src/ports', 'src/model', 'src/lib'] },
  { from: 'src/engine/disks', to: ['src/ports', 'src/model', 'src/lib'] },
  {
    from: 'src/engine/migration',
    to: [
      'src/ports',
      'src/model',
      'src/lib',
      'src/engine/operation',
      'src/engine/environment.ts',
      'src/engine/vms/describe-host.ts',
    ],
  },
  {
    from: 'src/engine/vms',
    to: [
      'src/ports',
      'src/model',
      'src/lib',
      'src/engine/operation',
      'src/engine/environment.ts',
      'src/engine/migration',
    ],
  },
  { from: 'src/api/contract', to: ['src/model'] },
  { from: 'src/api/server', to: ['src/api/contract', 'src/model', 'src/lib', 'src/ports'] },
  { from: 'src/api/xenapi', to: ['src/model', 'src/lib', 'src/ports'] },
  { from: 'src/api/client', to: ['src/api/contract', 'src/model', 'src/lib', 'src/ports'] },
  { from: 'src/metrics', to: ['src/ports', 'src/model', 'src/lib'] },
  {
    from: 'src/cli',
    to: ['src/api/client', 'src/api/contract', 'src/support', 'src/model', 'src/lib'],
  },
  {
    from: 'src/support',
    to: ['src/daemons', 'src/drivers', 'src/api', 'src/ports', 'src/model', 'src/lib'],
  },
  { from: 'src/ui', to: ['src/api/client', 'src/api/contract', 'src/model', 'src/lib'] },
  {
    from: 'src/daemons',
    to: [
      'src/drivers',
      'src/engine',
      'src/metrics',
      'src/api',
      'src/ports',
      'src/model',
      'src/lib',
    ],
  },
]

/** Lines that a file may have; a longer one wants to be two. */
const fileLinesMax = 300

const sources = filesBelow('src')
  .concat(filesBelow('test'), filesBelow('scripts'))
  .filter((file) => /\.tsx?$/.test(file))
const production = sources.filter((file) => file.startsWith('src/') && !file.endsWith('.test.ts'))

describe('import arrows', () => {
  it('sees the source files at all', () => {
    expect(production.length).toBeGreaterThan(50)
    expect(importsOf('src/engine/migration/migrate-vm.ts')).toContain('src/engine/environment.ts')
  })

  it.each(arrows.map(({ from }) => from))('%s exists', (from) => {
    expect(production.some((file) => isIn(file, from))).toBe(true)
  })

  it('point downwards only', () => {
    expect(production.flatMap(violationsOf)).toEqual([])
  })

  it('would notice a driver that imports the engine', () => {
    const arrow = arrowOf('src/drivers/block-mapper-dm/index.ts')
    expect(arrow?.to.some((to) => isIn('src/engine/disks/x.ts', to))).toBe(false)
  })

  it('keep each driver apart from the others', () => {
    const crossings = production
      .filter((file) => file.startsWith('src/drivers/') && !isIn(file, 'src/drivers/simulated'))
      .flatMap((file) => importsOf(file).map((to) => ({ file, to })))
      .filter(({ file, to }) => to.startsWith('src/drivers/') && driverOf(to) !== driverOf(file))
    expect(crossings).toEqual([])
  })
})

describe('house rules', () => {
  it.each(production)('%s is short', (file) => {
    expect(read(file).split('\n').length).toBeLessThanOrEqual(fileLinesMax)
  })

  it('no leftover markers, no focused tests, nobody asks for a driver by name in the engine', () => {
    const marker = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', String.raw`\b(it|describe)\.only\b`].join('|'),
    )
    expect(sources.filter((file) => marker.test(read(file)))).toEqual([])
    const driverName = /'(xen|qemu|drbd|lvm|file|dm)'/
    const engine = production.filter((file) => isIn(file, 'src/engine'))
    expect(engine.filter((file) => driverName.test(read(file)))).toEqual([])
  })

  it('folders and files are named in kebab-case', () => {
    expect(sources.filter((file) => !/^[a-z0-9./-]+$/.test(file))).toEqual([])
  })

  it('every link in the documents leads to something', () => {
    const documents = filesBelow('docs').concat(
      filesBelow('test').filter((file) => file.endsWith('.md')),
      ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    )
    const markdown = documents.filter((file) => file.endsWith('.md'))
    const broken = markdown.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => join(dirname(file), target ?? ''))
        .filter((target) => !exists(target))
        .map((target) => `${file} -> ${target}`),
    )
    expect(broken).toEqual([])
  })
})

function violationsOf(file: string): string[] {
  const arrow = arrowOf(file)
  if (!arrow) return [`${file} is in no folder that the table knows`]
  const allowed = [arrow.from, ...arrow.to]
  return importsOf(file)
    .filter((to) => !allowed.some((folder) => isIn(to, folder)))
    .map((to) => `${file} -> ${to}`)
}

function arrowOf(file: string) {
  return arrows.find(({ from }) => isIn(file, from))
}

function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, specifier]) => specifier ?? '',
  )
  return specifiers.map((specifier) => relative(root, resolve(root, dirname(file), specifier)))
}

function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`)
}

function driverOf(file: string): string | undefined {
  return file.split('/')[2]
}

function filesBelow(folder: string): string[] {
  return listing(folder)
    .map((file) => join(folder, file))
    .filter((file) => !file.includes('node_modules'))
}

function listing(folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(join(root, folder), join(entry.parentPath, entry.name)))
  } catch {
    return []
  }
}

function exists(file: string): boolean {
  return existsSync(join(root, file))
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
