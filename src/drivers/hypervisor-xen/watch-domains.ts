import { createInterface } from 'node:readline'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner, RunningCommand } from '../../ports/command-runner.ts'

const firstPauseMs = 1_000
const pauseMsMax = 30_000

/** Calls `listener` when a domain comes, ends or goes, from xenstore's own watches. Answers how to stop. */
export function watchDomains(
  runner: CommandRunner,
  clock: Clock,
  listener: () => void,
): () => void {
  const stopped = new AbortController()
  let child: RunningCommand | null = null

  async function watch(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      child = runner.start('xenstore-watch', ['@introduceDomain', '@releaseDomain'])
      child.stderr.resume()
      createInterface({ input: child.stdout }).on('line', () => {
        pauseMs = firstPauseMs
        if (!stopped.signal.aborted) listener()
      })
      await child.ended
      await clock.sleep(pauseMs, stopped.signal)
    }
  }

  watch().catch(() => {})
  return () => {
    stopped.abort(new Error('the watch was stopped'))
    child?.kill()
  }
}
