import { expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { Sample } from './measure-contender.ts'
import { moveMetrics } from './move-metrics.ts'

const same = { p50: 100, p99: 200 }

function sample(contender: string, changes: Partial<Sample> = {}): Sample {
  return {
    ...{ contender, direction: 'there', allocatedBytes: 64 * MiB, totalMs: 1_000 },
    ...{ blackoutMs: 100, handoverMs: 20, blackout: [], total: [] },
    copy: { ms: 200, rawMs: 100, sentBytes: 65 * MiB },
    writeLatencyUs: { before: same, copying: same, inSync: same, after: same },
    ...changes,
  }
}

function valuesOf(samples: readonly Sample[]) {
  return new Map(moveMetrics('qemu', samples).map((one) => [one.name, one]))
}

it('compares Crosspool with each of the others, and judges only Crosspool', () => {
  const metrics = valuesOf([
    sample('crosspool'),
    sample('crosspool', { direction: 'back', totalMs: 500 }),
    sample('libvirt', { blackoutMs: 200 }),
    sample('libvirt', { direction: 'back', blackoutMs: 200 }),
  ])
  expect(metrics.get('qemu.blackout.crosspoolOf.libvirt')).toMatchObject({ value: 0.5, met: true })
  expect(metrics.get('qemu.crosspool.handoverShare')?.value).toBe(0.2)
  expect(metrics.get('qemu.crosspool.syncThroughputOfRawCopy')).toMatchObject({
    ...{ value: 0.5, met: false },
  })
  expect(metrics.get('qemu.crosspool.migrateBackOfFirst')).toMatchObject({ value: 0.5, met: false })
  expect(metrics.get('qemu.libvirt.syncThroughputOfRawCopy')).not.toHaveProperty('met')
})

it('takes throughput and bytes from the largest disk alone', () => {
  const large = { allocatedBytes: 256 * MiB, copy: { ms: 100, rawMs: 95, sentBytes: 256 * MiB } }
  const metrics = valuesOf([
    sample('crosspool'),
    sample('crosspool', large),
    sample('crosspool', { ...large, direction: 'back' }),
  ])
  expect(metrics.get('qemu.crosspool.syncThroughputOfRawCopy')?.value).toBe(0.95)
  expect(metrics.get('qemu.crosspool.bytesSentOfAllocated')?.value).toBe(1)
  expect(metrics.has('qemu.crosspool.totalTime.64MiB')).toBe(true)
})

it('who copies nothing has no throughput', () => {
  const metrics = valuesOf([
    sample('crosspool', { copy: null }),
    sample('crosspool', { copy: null, direction: 'back' }),
    sample('xl-migrate', { copy: null }),
    sample('xl-migrate', { copy: null, direction: 'back' }),
  ])
  expect([...metrics.keys()].filter((name) => /Throughput|bytesSent/.test(name))).toEqual([])
})
