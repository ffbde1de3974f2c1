import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation } from '../../src/model/operation.ts'
import type { ClusterHost } from './cluster.ts'
import { Victim } from './victim.ts'

let victim: Victim
let source: ClusterHost
let destination: ClusterHost

beforeAll(async () => {
  victim = await Victim.start()
  source = victim.source
  destination = victim.destination
})

afterAll(() => victim?.end())

/** More of what `failures.test.ts` begins with; the playground does the same every day. */
describe('what breaks on the way is taken back', () => {
  it('a cancelled copy of the disks', async () => {
    const cancel = ({ id }: Operation) =>
      source.toolstack.cancelOperation({ params: { operation: id } })
    expect((await victim.disturb('synchronise', cancel)).state).toBe('cancelled')
    await victim.expectUnharmed()
  })

  it('a cancelled memory stream', async () => {
    const cancel = ({ id }: Operation) =>
      source.toolstack.cancelOperation({ params: { operation: id } })
    expect((await victim.disturb('memory', cancel)).state).toBe('cancelled')
    await victim.expectUnharmed()
  })

  it('an xl that dies at the source', async () => {
    const operation = await victim.disturb('memory', () =>
      source.lab.run("pkill -KILL -f 'x[l] migrate -s'"),
    )
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'MEMORY_STREAM_FAILED' } })
    await victim.expectUnharmed()
  })

  it('a destination whose daemons stop', async () => {
    const operation = await victim.disturb('memory', () =>
      destination.lab.run('systemctl stop crosspool-xapi crosspool-sm'),
    )
    expect(operation.state).toBe('failed')
    await destination.lab.run('systemctl start crosspool-sm crosspool-xapi')
    await destination.waitUntilAnswering()
    await victim.destinationHasEnded()
    await victim.expectUnharmed()
  })
})
