import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** All shell blocks of a walk-through as one script for bash. */
export function walkthroughScript(
  document: string,
  variables: Readonly<Record<string, string>>,
): string {
  return documentScript(`walkthroughs/${document}`, variables)
}

/** All shell blocks of a page below docs as one script, as a reader would run them who stops at the first failure. */
export function documentScript(
  document: string,
  variables: Readonly<Record<string, string>>,
): string {
  const text = readFileSync(join(root, 'docs', document), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
  if (blocks.length === 0) throw new Error(`${document} has no shell blocks`)
  const settings = Object.entries(variables).map(([name, value]) => `${name}='${value}'`)
  return ['set -euo pipefail', 'cd "$(mktemp -d)"', ...settings, 'set -x', ...blocks].join('\n')
}
