import { cpSync, existsSync, readFileSync } from 'node:fs'
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
  await build({
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
    // Packages in CommonJS call require, which an ES module has to make for itself.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as crosspoolRequire } from 'node:module'; const require = crosspoolRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
  await bundleUi(join(distribution, 'ui'))
  for (const name of withDependencies(nativePackage)) {
    cpSync(join(root, 'node_modules', name), join(distribution, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: isNeededToRun,
    })
  }
}

/** Leaves out what only a compiler needs, and binaries for other C libraries than Debian's. */
function isNeededToRun(path: string): boolean {
  return !/\/lmdb\/(dependencies|src|bin)$|\.(map|md|d\.c?ts)$|\.musl\.node$/.test(path)
}

/** The package and all that it needs, as far as it is installed (parts for other systems are not). */
function withDependencies(name: string, seen = new Set<string>()): Set<string> {
  const file = join(root, 'node_modules', name, 'package.json')
  if (seen.has(name) || !existsSync(file)) return seen
  seen.add(name)
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, 'utf8'))
  for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies }))
    withDependencies(dependency, seen)
  return seen
}
