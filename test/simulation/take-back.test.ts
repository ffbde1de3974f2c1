import { describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const vm = 'database'
const refusal = new CrosspoolError('HANDOVER_REFUSED', { reason: 'no mirror answers' })
const unreachable = new CrosspoolError('PEER_UNREACHABLE', {
  url: 'http://two',
  reason: 'asked to',
})

/**
 * The destination refuses to start the VM that it was given; the source's storage finds nobody at the other end of the
 * mirror who would let it have the disks. `aborts`: how often the destination's word cannot be had.
 */
async function refusedMigration(aborts: number, reclaimError: CrosspoolError = refusal) {
  const calls: string[] = []
  let abortsLeft = aborts
  let isMirrorDeaf = true
  const cluster = new SimulatedCluster({
    onCall(host, port, method) {
      if (host !== 'one') return
      const call = `${port}.${method}`
      if (watched.includes(call)) calls.push(call)
      if (call === 'peer.abort' && abortsLeft-- > 0) throw unreachable
      if (call === 'storage.stopReplication') isMirrorDeaf = false
      if (call === 'storage.reclaimDisks' && isMirrorDeaf) {
        if (reclaimError !== refusal) isMirrorDeaf = false
        throw reclaimError
      }
    },
  })
  const one = await cluster.addHost('one', 'alpha')
  await cluster.addHost('two', 'beta')
  const [sr] = await one.storage.listSrs()
  const { id } = await one.storage.createVdi({ sr: sr?.id ?? '', name: 'root', sizeBytes: 8 * MiB })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  cluster.vms.addVm('one', {
    id: vm,
    disks: [{ slot: 'xvda', device: device ?? '', readOnly: false }],
  })
  const guest = new SimulatedGuest(cluster, vm, ['xvda'])
  await cluster.clock.advance(100)
  cluster.vms.injectFault('two', { name: 'start-refused' })
  const operation = await cluster.migrate(vm, 'one', 'two')
  await cluster.clock.advance(1_000)
  guest.stop()
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'HANDOVER_REFUSED' } })
  expect(cluster.vms.presentAt(vm)).toEqual(['one'])
  expect(guest.problems()).toEqual([])
  expect([...cluster.vms.violations, ...cluster.disks.violations]).toEqual([])
  expect(await one.storage.listReplications()).toEqual([])
  return calls
}

const watched = ['storage.reclaimDisks', 'peer.abort', 'storage.stopReplication']

describe('disks whose mirror does not let them go', () => {
  it("are taken back alone once the destination's refusal is certain", async () => {
    const calls = await refusedMigration(0)
    expect(calls.slice(0, 4)).toEqual([
      ...['storage.reclaimDisks', 'peer.abort'],
      ...['storage.stopReplication', 'storage.reclaimDisks'],
    ])
  })

  it('stay where they are until the destination answers', async () => {
    const calls = await refusedMigration(3)
    const untilAnswered = calls.slice(0, calls.indexOf('storage.stopReplication'))
    expect(untilAnswered).toEqual(
      Array.from({ length: 4 }, () => ['storage.reclaimDisks', 'peer.abort']).flat(),
    )
  })

  it('are not taken back alone for any other failure: it is only tried again', async () => {
    const failure = { command: 'drbdsetup', how: 'asked to', output: '' }
    const calls = await refusedMigration(0, new CrosspoolError('COMMAND_FAILED', failure))
    expect(calls.slice(0, 2)).toEqual(['storage.reclaimDisks', 'storage.reclaimDisks'])
  })
})
