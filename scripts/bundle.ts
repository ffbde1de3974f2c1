import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { bundleUi } from './bundle-ui.ts'

const root = resolve(import.meta.dirname, '..')
const nativePackage = 'lmdb'

const programs = {
  'crosspool-sm': 'src/daemons/storage/main.ts',
  'crosspool-xapi': 'src/daemons/toolstack/main.ts',
  crosspool: 'src/cli/main.ts',
}

/**
 * Bundles the two daemons and the CLI into an empty folder, one file each, and the web UI beside them, so
 * that a host needs Node and this folder but no npm. Only lmdb stays a package of its own, because of its native part.
 */
export async function bundle(distribution: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: Object.entries(programs).map(([out, file]) => ({ in: join(root, file), out })),
    outdir: distribution,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Smaller is read faster; names stay as they are for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: true,
    external: [nativePackage],
    absWorkingDir: root,
    metafile: true,
    // Packages in CommonJS call require, which an ES module has to make for itself.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as crosspoolRequire } from 'node:module'; const require = crosspoolRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
  const ui = await bundleUi(join(distribution, 'ui'))
  const files = await filesOf(nativePackage)
  for (const file of files)
    cpSync(join(root, file), join(distribution, file), { dereference: true })
  cpSync(join(root, 'packaging/launch'), join(distribution, 'launch'))
  const folders = [...Object.keys(metafile.inputs), ...ui, ...files]
    .filter(isOfNpm)
    .map(packageFolder)
  writeFileSync(join(distribution, 'licences.txt'), licencesOf([...new Set(folders)].sort()))
}

/** What Node reads of the package and of all that it needs: the modules, the native parts, what describes them. */
async function filesOf(name: string): Promise<readonly string[]> {
  const { metafile } = await build({
    stdin: { contents: `import '${name}'`, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'error',
  })
  const modules = Object.keys(metafile.inputs).filter(isOfNpm)
  const descriptions = new Set(modules.map((file) => `${packageFolder(file)}/package.json`))
  return [...modules, ...descriptions, ...nativeFiles()]
}

/** Of packages with binaries, one for each system; only this one's are installed, with those for other C libraries than Debian's. */
function nativeFiles(): readonly string[] {
  const scopes = ['@lmdb', '@msgpackr-extract'].map((scope) => `node_modules/${scope}`)
  return scopes.flatMap((scope) =>
    readdirSync(join(root, scope), { recursive: true })
      .map((file) => `${scope}/${file}`)
      .filter((file) => /\.(js|json|glibc\.node)$/.test(file)),
  )
}

function isOfNpm(file: string): boolean {
  return file.startsWith('node_modules/')
}

/** node_modules/NAME or node_modules/@SCOPE/NAME, wherever it lies. */
function packageFolder(file: string): string {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? file
}

/** The licence of each package whose code is in the bundle, which most of them ask to be handed on. */
function licencesOf(folders: readonly string[]): string {
  const texts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    )
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? `\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n` : ''
    return `${name} ${version}: ${license}\n${text}`
  })
  return texts.join(`\n${'-'.repeat(72)}\n\n`)
}
