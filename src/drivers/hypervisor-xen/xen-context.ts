import { CrosspoolError } from '../../model/errors.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { IncomingMarks } from './incoming-mark.ts'
import { type DomainLine, parseDomainList } from './parse-domain-list.ts'

export interface XenLimits {
  /** How long the memory stream may stand still once it has begun. */
  readonly idleMs: number
  /** How long the destination may take before it wants memory: xl receives one domain at a time. */
  readonly turnMs: number
  /** How long one step of xl may take: to start, to suspend or resume a guest, to clean up. */
  readonly stepMs: number
}

export const defaultXenLimits: XenLimits = { idleMs: 60_000, turnMs: 900_000, stepMs: 90_000 }

/** What the parts of the driver share. */
export interface XenContext {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  readonly random: Random
  readonly runtimeDirectory: string
  readonly kernelDirectories: readonly string[]
  readonly limits: XenLimits
  readonly incomingMarks: IncomingMarks
  /** VMs whose memory this daemon is sending, and has not yet sent. */
  readonly sending: Set<string>
}

/** All domains but the control domain and those that are being torn down, from Xen itself. */
export async function listDomains(context: XenContext): Promise<readonly DomainLine[]> {
  const { stdout } = await context.commandRunner.run('xl', ['list', '-v'])
  return parseDomainList(stdout)
}

/** Ends these domains; one that went by itself meanwhile is no error. */
export async function destroyDomains(
  context: XenContext,
  isOurs: (domain: DomainLine) => boolean,
): Promise<void> {
  for (const { domid } of (await listDomains(context)).filter(isOurs)) {
    const args = ['destroy', String(domid)]
    const { stepMs: timeoutMs } = context.limits
    const { exitCode, stderr } = await context.commandRunner.probe('xl', args, { timeoutMs })
    if (exitCode === 0) continue
    const isStillThere = (await listDomains(context)).some((domain) => domain.domid === domid)
    if (!isStillThere) continue
    const command = `xl destroy ${domid}`
    throw new CrosspoolError('COMMAND_FAILED', {
      command,
      how: `exit code ${exitCode}`,
      output: stderr.trim().slice(-1000),
    })
  }
}
