import type { Decision } from '../../model/ownership.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { UsageError } from '../usage-error.ts'
import { ownershipsView } from '../views/ownership-view.ts'

export interface RecoverOptions {
  readonly claim?: boolean
  readonly itRan?: boolean
  readonly itNeverRan?: boolean
  readonly sure?: boolean
  readonly all?: boolean
}

/** Explains who may run what; with a decision, settles what the hosts cannot tell by themselves. */
export async function recover(
  context: CliContext,
  vm: string | undefined,
  options: RecoverOptions,
): Promise<ExitCode> {
  const client = await context.toolstack()
  const decision = decisionOf(options)
  if (decision === null) {
    const known = await client.listOwnerships()
    const wanted = (one: (typeof known)[number]) =>
      vm === undefined ? options.all === true || !one.settled : one.vm === vm || one.name === vm
    const shown = known.filter(wanted)
    context.show(shown, ownershipsView)
    return shown.every(({ settled }) => settled) ? exitCodes.done : exitCodes.failed
  }
  if (vm === undefined) throw new UsageError('name the VM that you decide about')
  if (!options.sure)
    throw new UsageError(
      'a decision that is wrong can make the VM run twice: look at the other host first, then add --sure',
    )
  const body = { decision, sure: true } as const
  context.show([await client.decideOwnership({ params: { vm }, body })], ownershipsView)
  return exitCodes.done
}

function decisionOf({ claim, itRan, itNeverRan }: RecoverOptions): Decision['decision'] | null {
  const given = [
    ...(claim ? (['claim'] as const) : []),
    ...(itRan ? (['it-ran'] as const) : []),
    ...(itNeverRan ? (['it-never-ran'] as const) : []),
  ]
  if (given.length > 1) throw new UsageError('decide one thing at a time')
  return given[0] ?? null
}
