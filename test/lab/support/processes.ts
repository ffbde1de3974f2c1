import { readdirSync, readFileSync } from 'node:fs'
import { waitUntil } from './wait-until.ts'

/** A process that can be told from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since the boot of this machine. */
  readonly startTicks: number
}

export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold spaces; what follows it does not.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    // Of a process that was killed the first thread may have ended while others still hold its files and their locks.
    if (fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1) return undefined
    return { pid, startTicks: Number(fields[19]) }
  } catch {
    return undefined
  }
}

export function isRunning(process: ProcessIdentity): boolean {
  return identifyProcess(process.pid)?.startTicks === process.startTicks
}

/** Ends exactly this process, if it is still the one that was meant. */
export async function endProcess(target: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (!isRunning(target)) return
  process.kill(target.pid, signal)
  await waitUntil(() => !isRunning(target), {
    description: `process ${target.pid} to end`,
    timeoutMs: 15_000,
    intervalMs: 20,
  })
}
