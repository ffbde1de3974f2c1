import { classCalls } from './class-calls.ts'
import { migrationCalls } from './migration-calls.ts'
import { eventCalls, sessionCalls, taskCalls } from './session-calls.ts'
import { vmCalls } from './vm-calls.ts'

/** Every call that does something of its own; the rest follows from the classes. */
export const xenCalls = {
  ...sessionCalls,
  ...eventCalls,
  ...taskCalls,
  ...migrationCalls,
  ...vmCalls,
} as const

/** In the order of the alphabet, without what is not available. */
export function methodNames(): string[] {
  const own = Object.entries(xenCalls).flatMap(([name, call]) =>
    'kind' in call ? [name, `Async.${name}`] : [name],
  )
  return [...own, ...classCalls().map(({ name }) => name)].sort()
}
