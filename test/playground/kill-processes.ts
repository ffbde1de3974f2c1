import { endProcess } from '../lab/support/processes.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { processesOf } from './run-directory.ts'

/** Ends processes of a host at once; there must be some. */
export async function killProcesses(host: PlaygroundHost, pattern: RegExp): Promise<void> {
  await waitUntil(
    async () => {
      const all = await processesOf(host.plan.directory)
      const matching = all.filter(({ command }) => pattern.test(command))
      await Promise.all(matching.map(({ identity }) => endProcess(identity, 'SIGKILL')))
      return matching.length > 0
    },
    { description: `processes ${pattern} on ${host.name}`, timeoutMs: 5_000, intervalMs: 10 },
  )
}
