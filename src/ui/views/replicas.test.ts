import { describe, expect, it } from 'vitest'
import {
  sample,
  sampleKnownInventory,
  sampleReplica,
  sampleSchedule,
} from '../../../test/support/sample-documents.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { RefreshStatus } from '../../model/refresh.ts'
import type { Replica } from '../../model/replica.ts'
import type { Replication } from '../../model/replication.ts'
import { mayOperate } from '../session.ts'
import { dropConsequences, replicasOf, toldText, wordOf } from './replicas.ts'
import { roughly } from './times.ts'

const MiB = 1024 ** 2
const minuteMs = 60_000
const nowMs = sampleReplica.sinceMs + 30 * minuteMs

/** The VM has gone to beta, and alpha, which shows the page, keeps its disk as a replica. */
const kept: Replica = { ...sampleReplica, state: 'synced', reason: null, lackingSinceMs: null }
const disk: Replica = { ...kept, here: 'disk', vdi: 'v-9', other: 'alpha/alpha1' }

function hostOf(name: string, pool: string, replicas: readonly Replica[]): KnownInventory {
  const { inventory } = sampleKnownInventory
  if (!inventory) throw new Error('the sample has an inventory')
  const url = `https://${name}:7311`
  return {
    name,
    pool,
    url,
    problem: null,
    inventory: { ...inventory, vms: [], replicas: [...replicas] },
  }
}

const alpha = (...replicas: Replica[]) => hostOf('alpha1', 'alpha', replicas)
const beta = (...replicas: Replica[]) => hostOf('beta1', 'beta', replicas)
const lost: KnownInventory = { ...beta(), inventory: null, problem: 'it does not answer' }

function only(inventories: readonly KnownInventory[]) {
  const [view, ...more] = replicasOf(inventories, nowMs)
  if (!view || more.length > 0) throw new Error(`${more.length + 1} replicas instead of one`)
  return view
}

describe('a kept replica', () => {
  it('is one row, though both hosts tell of it', () => {
    const view = only([alpha(kept), beta(disk)])
    expect(view).toMatchObject({
      ...{ here: 'replica', vmName: 'database', state: { tone: 'good', text: 'in step' } },
      disk: { place: 'beta/beta1', isHere: false, silence: null },
      copy: { place: 'alpha/alpha1', isHere: true, vdi: { name: 'database-disk' }, sr: 'local' },
      lack: { text: 'nothing', since: null },
    })
    expect(only([beta(disk), alpha(kept)])).toMatchObject({
      ...{ here: 'disk', disk: { isHere: true }, copy: { isHere: false } },
    })
  })

  it('between two others is shown, and not to be dropped here', () => {
    expect(only([hostOf('gamma1', 'gamma', []), alpha(kept), beta(disk)]).here).toBeNull()
  })

  it('tells what it lacks as the host of the disk knows it', () => {
    const lackingSinceMs = nowMs - 12 * minuteMs
    const interrupted = { state: 'interrupted', lackingSinceMs } as const
    const there: Replica = { ...disk, ...interrupted, differingBytes: 64 * MiB, reason: 'no link' }
    const here: Replica = { ...kept, ...interrupted, differingBytes: 0 }
    expect(only([alpha(here), beta(there)])).toMatchObject({
      state: { tone: 'warn', text: 'interrupted', reason: 'no link' },
      lack: { text: '64.0 MiB', since: 'in step 12 min ago' },
    })
    expect(only([alpha(here), lost])).toMatchObject({
      lack: { text: 'not known', since: 'in step 12 min ago' },
      disk: { place: 'beta/beta1', vdi: null, silence: 'does not answer' },
    })
  })

  it('of which only what differs is noted is as it was when it was kept', () => {
    const noted = { mode: 'difference', state: 'paused', lackingSinceMs: kept.sinceMs } as const
    const there: Replica = { ...disk, ...noted, differingBytes: 3 * MiB }
    expect(only([alpha({ ...kept, ...noted }), beta(there)])).toMatchObject({
      state: { text: 'at rest' },
      lack: { text: '3.0 MiB', since: 'as it was 30 min ago' },
    })
  })

  it('that catches up, or has not been seen whole, says so', () => {
    const half = { isWhole: false, lackingSinceMs: 0 }
    const syncing: Replica = { ...kept, ...half, state: 'syncing' }
    expect(only([alpha(syncing), lost]).state.reason).toBe('of no use until it has')
    const interrupted: Replica = { ...kept, ...half, state: 'interrupted', reason: 'no link' }
    expect(only([alpha(interrupted), lost]).state.reason).toBe('no link; not known to be whole')
  })

  it('that the other host has ended, or whose other host nobody knows, says so', () => {
    const goesOn = only([alpha(kept), beta()])
    expect(goesOn).toMatchObject({
      ...{ disk: { silence: 'has ended it' }, lack: { text: 'not known', since: null } },
      state: { tone: 'warn', text: 'ended there', reason: 'the next copy is of all of it' },
    })
    const gone = only([beta(disk), alpha()])
    expect(gone.state.reason).toBe('there is no copy any more')
    expect(dropConsequences(gone)[0]).toBe('The copy at alpha/alpha1 has ended already.')
    expect(only([alpha(kept)]).disk).toMatchObject({
      ...{ place: 'beta/beta1', isHere: false, silence: 'not known here' },
    })
  })

  it('of which one host knows already, while the other is still at it, has not ended', () => {
    const at = beta()
    const mirror: Replication = {
      ...sample.replication,
      ...{ id: kept.id, side: 'source', state: 'synced' },
    }
    if (at.inventory) at.inventory.replications = [mirror]
    expect(only([alpha(kept), at])).toMatchObject({
      ...{ disk: { silence: 'under way' }, state: { text: 'in step' } },
    })
  })

  it('says when it is brought up to date, and what has kept it from that', () => {
    const status = { ...sampleSchedule, nextAtMs: nowMs + 12 * minuteMs }
    const refreshOf = (changes: Partial<RefreshStatus>) =>
      only([alpha(kept), beta({ ...disk, refresh: { ...status, ...changes } })]).refresh
    expect(only([alpha(kept), beta(disk)]).refresh).toBeNull()
    expect(refreshOf({})).toEqual({ text: 'every 60 min, next in 12 min', problem: null })
    expect(refreshOf({ nextAtMs: nowMs })?.text).toBe('every 60 min, next when the VM is free')
    const resting = { state: 'resting', nextAtMs: null } as const
    expect(refreshOf(resting)?.text).toBe('every 60 min, when the VM runs there again')
    const error = new CrosspoolError('CANCELLED').toDocument()
    const last = sampleSchedule.last && { ...sampleSchedule.last, result: 'failed' as const, error }
    expect(refreshOf({ failures: 3, isOverdue: true, last })?.problem).toBe(
      `overdue, failed 3 times: ${error.message}`,
    )
  })

  it('of a VM that nobody knows any more bears its id; rows go by name', () => {
    const nameless: Replica = { ...kept, id: 'r-9', vm: 'zzz', vmName: null }
    const second: Replica = { ...kept, id: 'r-3', slot: 'xvdb' }
    const rows = replicasOf([alpha(nameless, second, kept)], nowMs)
    expect(rows.map(({ vmName, replica }) => `${vmName} ${replica.slot}`)).toEqual([
      ...['database xvda', 'database xvdb', 'zzz xvda'],
    ])
  })
})

describe('a drop says before it is done', () => {
  it('what becomes of the copy, and what going there costs', () => {
    const [copy, vm, ...more] = dropConsequences(only([alpha(kept), beta(disk)]))
    expect(copy).toBe('The copy database-disk at alpha/alpha1 is deleted; 3.0 GiB become free.')
    expect(vm).toContain('Going to alpha/alpha1 afterwards copies all of the disk: 8.0 GiB.')
    expect(more).toEqual([])
  })

  it('that what was there before Crosspool is given back', () => {
    const at = alpha(kept)
    const vdis = at.inventory?.vdis.map((vdi) => ({ ...vdi, managed: false })) ?? []
    const adopted = at.inventory && { ...at, inventory: { ...at.inventory, vdis } }
    if (!adopted) throw new Error('the sample has an inventory')
    expect(dropConsequences(only([adopted, beta(disk)]))[0]).toContain('it is given back to you')
  })

  it('what nobody but the administrator can know, where the other host does not answer', () => {
    const here = dropConsequences(only([alpha(kept), lost])).join(' ')
    expect(here).toContain('beta/beta1 does not answer, so it is not told')
    expect(here).toContain('If beta/beta1 is lost, this is what is left of the disk')

    const own: Replica = { ...disk, vdi: kept.vdi, other: 'beta/beta1' }
    const there = dropConsequences(only([alpha(own), lost]))
    expect(there).toContain(wordOf('database', 'beta/beta1'))
    const noted = dropConsequences(only([alpha({ ...own, mode: 'difference' }), lost]))
    expect(noted).not.toContain(wordOf('database', 'beta/beta1'))
  })

  it('and afterwards where it is still to be done', () => {
    const dropped = { id: 'r-2', other: 'beta/beta1', isToldThere: true }
    expect(toldText([dropped])).toBe('')
    const untold = { ...dropped, isToldThere: false }
    expect(toldText([untold, { ...untold, id: 'r-3' }])).toBe(
      'Dropped here; beta/beta1 does not answer: drop it there, too.',
    )
  })
})

it('is offered to whom it would not be refused', () => {
  expect(mayOperate({ role: 'viewer' })).toBe(false)
  for (const session of [null, { role: 'operator' }, { role: 'administrator' }])
    expect(mayOperate(session)).toBe(true)
})

it('long times are told roughly', () => {
  expect(
    [-1, 40_400, 119_000, 720_000, 36 * 3_600_000, 7 * 86_400_000, 7_199_000, 47.6 * 3_600_000].map(
      roughly,
    ),
  ).toEqual([...['0 s', '40 s', '119 s', '12 min', '36 h', '7 days', '2 h', '2 days']])
})
