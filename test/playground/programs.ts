import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { bundle } from '../../scripts/bundle.ts'
import { cacheEntry, hashOf } from '../lab/support/cache-entry.ts'

const root = resolve(import.meta.dirname, '../..')

/** The daemons and the CLI of this checkout, as a host would have them. Answers their folder. */
export async function ensurePrograms(): Promise<string> {
  const texts = await Promise.all(
    ['package-lock.json', 'scripts/bundle.ts', 'scripts/bundle-ui.ts'].map((file) =>
      readFile(join(root, file), 'utf8'),
    ),
  )
  const key = await hashOf([join(root, 'src')], [...texts, process.version, process.arch])
  return await cacheEntry('programs', key, bundle)
}
