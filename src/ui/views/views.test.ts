import { describe, expect, it } from 'vitest'
import { sample, sampleKnownInventory } from '../../../test/support/sample-documents.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import { migrateRequestSchema } from '../../model/migration.ts'
import type { KeepMode } from '../../model/replication.ts'
import type { Sr } from '../../model/sr.ts'
import { vmStateSchema } from '../../model/vm.ts'
import { keptText } from './kept.ts'
import { findVm, poolsOf, runningOperations, srName, vdiOf } from './landscape.ts'
import {
  commonKeepModes,
  firstChoices,
  replicateRequestOf,
  requestOf,
  usableSrs,
} from './migrate-choices.ts'
import { linkToOperation, linkToVm, placeOf } from './place.ts'
import { actionsFor, isCopy } from './vm-actions.ts'

const here: KnownInventory = sampleKnownInventory
const lost: KnownInventory = {
  ...{ name: 'beta1', pool: 'beta', url: 'http://10.0.0.2:7311' },
  ...{ inventory: null, problem: 'it does not answer' },
}

it('a mirror tells how it is kept, and for how long still', () => {
  expect(keptText(null, 0)).toBe('–')
  expect(keptText({ mode: 'difference', untilMs: null }, 0)).toBe(
    'what differs is noted, until dropped',
  )
  expect(keptText({ mode: 'every-write', untilMs: 5_000 }, 2_000)).toBe('with every write, 3 s')
})

describe('addresses', () => {
  it('lead to the page that they name', () => {
    expect(placeOf('')).toEqual({ page: 'overview' })
    expect(placeOf('#/vms')).toEqual({ page: 'vms' })
    expect(placeOf('#/replicas')).toEqual({ page: 'replicas' })
    expect(placeOf(linkToVm('a b/c'))).toEqual({ page: 'vm', id: 'a b/c' })
    expect(placeOf(linkToOperation('o-1'))).toEqual({ page: 'operation', id: 'o-1' })
  })

  it('that were mistyped lead nowhere, without harm', () => {
    for (const hash of ['#/nothing', '#/storage/x', '#/constructor'])
      expect(placeOf(hash)).toEqual({ page: 'unknown' })
    expect(placeOf('#/vms/%')).toEqual({ page: 'vm', id: '%' })
  })
})

describe('the landscape', () => {
  it('groups hosts by pool, and knows those that do not answer', () => {
    expect(poolsOf([here, lost]).map(({ name }) => name)).toEqual(['alpha', 'beta'])
    expect(runningOperations([here, lost]).map(({ it }) => it.id)).toEqual(['o-1'])
  })

  it('of two copies of a VM that moves shows the one that runs', () => {
    const there: KnownInventory = {
      ...lost,
      problem: null,
      inventory: here.inventory && {
        ...here.inventory,
        vms: [{ ...sample.vm, state: 'paused', host: 'beta1' }],
      },
    }
    expect(findVm([there, here], sample.vm.id)?.at).toBe(here)
    expect(findVm([lost], sample.vm.id)).toBeUndefined()
  })

  it('finds the VDI of a disk by its id or its device', () => {
    const disk = { slot: 'xvda', device: '/dev/mapper/crosspool-1', readOnly: false }
    expect(vdiOf(here, disk)?.id).toBe(sample.vdi.id)
    expect(vdiOf(here, { ...disk, device: '', vdi: sample.vdi.id })?.id).toBe(sample.vdi.id)
    expect(vdiOf(here, { ...disk, device: '/dev/sdb' })).toBeUndefined()
    expect(srName(here, sample.sr.id)).toBe('local')
  })
})

describe('the buttons of a VM', () => {
  it('there is something to do in every state, and nothing while an operation holds it', () => {
    for (const state of vmStateSchema.options) {
      expect(actionsFor({ ...sample.vm, state, disks: [] }).length, state).toBeGreaterThan(0)
      expect(actionsFor({ ...sample.vm, state, disks: [], operation: 'o-1' })).toEqual([])
    }
  })

  it('a running VM can be migrated, or its disks copied', () => {
    const copies = actionsFor({ ...sample.vm, state: 'running', disks: [] }).filter(isCopy)
    expect(copies).toEqual(['migrate', 'replicate'])
  })

  it('a halted VM can be started, not migrated', () => {
    const actions = actionsFor({ ...sample.vm, state: 'halted', disks: [] })
    expect(actions).toEqual(['start', 'forget'])
  })
})

describe('choices for a migration', () => {
  it('begin with the first host that answers', () => {
    expect(firstChoices([lost, here]).destination).toBe('alpha/alpha1')
    expect(firstChoices([lost]).destination).toBe('')
  })

  it('become a request that the daemon takes; what was left open stays out of it', () => {
    const first = firstChoices([here])
    expect(requestOf(first)).toEqual({
      ...{ destination: 'alpha/alpha1', srMap: {}, networkMap: {}, keepSourceDisks: false },
    })
    const all = requestOf({
      ...first,
      srs: { xvda: 's-1', xvdb: '' },
      networks: { '00:16:3e:00:00:01': 'xenbr1' },
      ...{ patienceMinutes: '2', downtimeLimitMs: '300', autoConverge: true },
      ...{ replicaHours: '0.5', verify: true, compressMemory: true },
    })
    expect(migrateRequestSchema.parse(all)).toEqual(all)
    expect(all).toMatchObject({
      srMap: { xvda: 's-1' },
      patienceMs: 120_000,
      memory: { downtimeLimitMs: 300, autoConverge: true },
      ...{ keepReplica: { forMs: 1_800_000 }, verify: true, compressMemory: true },
    })
    for (const patienceMinutes of ['', ' ', '-1', 'x', '0'])
      expect(requestOf({ ...first, patienceMinutes })).not.toHaveProperty('patienceMs')
  })

  it('of a copy that is kept say for how long, and nothing of memory', () => {
    const first = { ...firstChoices([here]), replicaHours: '2', autoConverge: true }
    const request = replicateRequestOf(first)
    expect(migrateRequestSchema.parse(request)).toEqual(request)
    expect(request).not.toHaveProperty('memory')
    expect(request.keepReplica).toEqual({ forMs: 7_200_000 })
    const noted = replicateRequestOf({ ...first, replicaHours: '', replicaMode: 'difference' })
    expect(noted.keepReplica).toEqual({ forMs: null, mode: 'difference' })
  })

  it('offer the ways to keep a replica that both hosts have', () => {
    const of = (keepModes: KeepMode[]): KnownInventory => ({
      ...here,
      inventory: here.inventory && {
        ...here.inventory,
        host: { ...here.inventory.host, keepModes },
      },
    })
    const both = of(['every-write', 'difference'])
    expect(commonKeepModes(both, of(['difference']))).toEqual(['difference'])
    expect(commonKeepModes(both, both)).toEqual(['every-write', 'difference'])
    expect(commonKeepModes(both, lost)).toEqual([])
  })

  it('offer only SRs that could take a disk in', () => {
    const closed: Sr = { ...sample.sr, canCreate: false }
    const of = (srs: readonly Sr[]): KnownInventory => ({
      ...here,
      inventory: here.inventory && { ...here.inventory, srs: [...srs] },
    })
    expect(usableSrs(of([closed]))).toEqual([])
    expect(usableSrs(of([{ ...closed, shared: true }]))).toHaveLength(1)
    expect(usableSrs(lost)).toEqual([])
  })
})
