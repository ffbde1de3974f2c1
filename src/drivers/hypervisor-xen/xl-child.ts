import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner, RunningCommand } from '../../ports/command-runner.ts'
import { within } from '../../ports/deadlines.ts'

/** A running xl, whose complaints are kept for whoever has to explain its end. */
export interface XlChild extends RunningCommand {
  /** The end of what it wrote to stderr, in one line. */
  complaint(): string
  hasEnded(): boolean
  /** Waits for its end, and enforces it after `patienceMs`. */
  endWithin(patienceMs: number): Promise<void>
}

const complaintCharactersMax = 1_000
const killedWithinMs = 10_000

export function startXl(runner: CommandRunner, clock: Clock, args: readonly string[]): XlChild {
  const child = runner.start('xl', args)
  let stderr = ''
  let ended = false
  child.stderr.on('data', (bytes: Buffer) => {
    stderr = (stderr + bytes.toString('utf8')).slice(-complaintCharactersMax)
  })
  // Its end is noticed by `ended`; a broken pipe on the way there is no news.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
  child.ended.then(() => {
    ended = true
  })

  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: child.ended,
    kill: (signal) => child.kill(signal),
    complaint: () => lastLines(stderr),
    hasEnded: () => ended,
    async endWithin(patienceMs) {
      try {
        await within(clock, patienceMs, 'the end of xl', child.ended)
      } catch {
        child.kill('SIGKILL')
        await within(clock, killedWithinMs, 'the end of a killed xl', child.ended)
      }
    },
  }
}

// Progress is printed over and over with carriage returns; only what was said last on a line counts.
function lastLines(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\r').filter(Boolean).at(-1)?.trim())
  return lines.filter(Boolean).slice(-6).join('; ') || 'xl said nothing'
}
