import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { LabHost } from '../lab/lab-host.ts'

const root = resolve(import.meta.dirname, '../..')

/** Runs all shell blocks of a document on a host, as a reader would who stops at the first failure. */
export async function runWalkthrough(
  document: string,
  host: LabHost,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const text = readFileSync(join(root, 'docs/walkthroughs', document), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
  if (blocks.length === 0) throw new Error(`${document} has no shell blocks`)
  const settings = Object.entries(variables).map(([name, value]) => `${name}='${value}'`)
  const script = ['set -euo pipefail', 'cd "$(mktemp -d)"', ...settings, 'set -x', ...blocks].join(
    '\n',
  )
  const { stdout, stderr, exitCode } = await host.exec(['bash', '-s'], {
    input: script,
    timeoutMs: 400_000,
  })
  if (exitCode !== 0)
    throw new Error(`${document} failed with ${exitCode}:\n${stdout}\n${stderr.slice(-3000)}`)
  return stdout
}
