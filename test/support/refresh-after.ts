import { expect } from 'vitest'
import type { ApiClient } from '../../src/api/client/api-client.ts'
import type { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import { type WaitOptions, waitUntil } from '../lab/support/wait-until.ts'

/** The first refresh of the VM's replica by its schedule that began later than that, once it has succeeded. */
export async function refreshAfter(
  toolstack: Pick<ApiClient<typeof toolstackRoutes>, 'getReplicaSchedule'>,
  vm: string,
  startedAtMs: number,
  deadline: Omit<WaitOptions, 'description'>,
) {
  const { last } = await waitUntil(
    async () => {
      const found = await toolstack.getReplicaSchedule({ params: { vm } })
      return (found.last?.startedAtMs ?? 0) > startedAtMs && found
    },
    { description: 'the next refresh', ...deadline },
  )
  if (!last) throw new Error('there was none')
  expect(last).toMatchObject({ result: 'succeeded', error: null })
  return last
}
