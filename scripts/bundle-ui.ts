import { cpSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'

const source = resolve(import.meta.dirname, '../src/ui')

/** zod brings its messages in fifty languages, which nobody reads here. */
const withoutLanguages: Plugin = {
  name: 'without-languages',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' }))
  },
}

/** What a field means is for the description of the API. */
const withoutDescriptions: Plugin = {
  name: 'without-descriptions',
  setup({ onLoad }) {
    onLoad(
      { filter: /[\\/]src[\\/](model|api[\\/]contract)[\\/][\w-]+\.ts$/ },
      async ({ path }) => {
        const text = await readFile(path, 'utf8')
        const contents = text.replace(/\.describe\(\s*('[^'\n]*'|"[^"\n]*"),?\s*\)/g, '')
        return { contents, loader: 'ts' }
      },
    )
  },
}

/** The web UI as a folder of static files. Answers the files that it was made of, below the project's folder. */
export async function bundleUi(folder: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: { app: join(source, 'main.tsx'), style: join(source, 'style.css') },
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [withoutLanguages, withoutDescriptions],
    logLevel: 'warning',
    absWorkingDir: resolve(import.meta.dirname, '..'),
    metafile: true,
  })
  for (const name of ['index.html', 'icon.svg']) cpSync(join(source, name), join(folder, name))
  return Object.keys(metafile.inputs)
}
