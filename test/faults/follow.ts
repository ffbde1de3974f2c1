import { setTimeout as sleep } from 'node:timers/promises'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import { isEnded, type Operation } from '../../src/model/operation.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { type FollowedHost, unsettledOn } from './settled.ts'

interface Pace {
  readonly timeoutMs: number
  /** Between two questions. */
  readonly intervalMs?: number
}

interface ReachPace extends Pace {
  /** Added to it until the step before has begun. */
  readonly farIntervalMs?: number
}

/** Waits until the migration is in this step; for memory: until some has been sent. */
export async function untilIn(
  { toolstack }: FollowedHost,
  id: string,
  step: string,
  { timeoutMs, intervalMs = 10, farIntervalMs = 0 }: ReachPace,
): Promise<void> {
  let hasEnded = false
  await waitUntil(
    async () => {
      const operation = await toolstack.getOperation({ params: { operation: id } })
      const before = operation.steps[operation.steps.findIndex(({ name }) => name === step) - 1]
      if (before?.state === 'waiting') await sleep(farIntervalMs)
      const isIn = operation.steps.some(({ name, state }) => name === step && state === 'running')
      const { memory } = migrationDetailsSchema.parse(operation.details)
      hasEnded = isEnded(operation)
      return hasEnded || (isIn && (step !== 'memory' || memory.sentBytes > 0))
    },
    { description: `step ${step}`, timeoutMs, intervalMs },
  )
  if (hasEnded) throw new Error(`the migration ended before it came to ${step}`)
}

/** Its xapi may be away meanwhile. */
export async function untilEnded(
  { toolstack }: FollowedHost,
  id: string,
  pace: Pace,
): Promise<Operation> {
  return await waitUntil(
    async () => {
      const operation = await toolstack.getOperation({ params: { operation: id } })
      return isEnded(operation) && operation
    },
    { description: 'the migration to end', ...pace },
  )
}

export async function untilSettled(hosts: readonly FollowedHost[], pace: Pace): Promise<void> {
  let open: readonly string[] = []
  await waitUntil(
    async () => {
      open = (await Promise.all(hosts.map(unsettledOn))).flat()
      return open.length === 0
    },
    { description: 'both sides to settle', ...pace },
  ).catch((error: unknown) => {
    throw new Error(`${error}: ${open.join('; ')}`, { cause: error })
  })
}

export function describeEnd({ state, error }: Operation): string {
  return error ? `${state}: ${error.code}` : state
}
