import type { LabHost } from '../lab/lab-host.ts'
import { walkthroughScript } from '../support/walkthrough.ts'

/** Runs all shell blocks of a document on a host. */
export async function runWalkthrough(
  document: string,
  host: LabHost,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const { stdout, stderr, exitCode } = await host.exec(['bash', '-s'], {
    input: walkthroughScript(document, variables),
    timeoutMs: 400_000,
  })
  if (exitCode !== 0)
    throw new Error(`${document} failed with ${exitCode}:\n${stdout}\n${stderr.slice(-3000)}`)
  return stdout
}
