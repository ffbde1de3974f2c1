import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** All shell blocks of a document as one script for bash, as a reader would run them who stops at the first failure. */
export function walkthroughScript(
  document: string,
  variables: Readonly<Record<string, string>>,
): string {
  const text = readFileSync(join(root, 'docs/walkthroughs', document), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
  if (blocks.length === 0) throw new Error(`${document} has no shell blocks`)
  const settings = Object.entries(variables).map(([name, value]) => `${name}='${value}'`)
  return ['set -euo pipefail', 'cd "$(mktemp -d)"', ...settings, 'set -x', ...blocks].join('\n')
}
