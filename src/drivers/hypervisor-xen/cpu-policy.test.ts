import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { featuresBeyond, parseCpuPolicies } from './cpu-policy.ts'

const captured = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../../test/captured/xen-4.17.7', name), 'utf8')
const host = parseCpuPolicies(captured('xen-cpuid-p.txt'))
const guest = parseCpuPolicies(captured('xen-cpuid-p-domain.txt')).get('Domain 3') ?? {}
const max = host.get('HVM Max') ?? {}

test('all policies of a host', () => {
  const names = ['Raw', 'Host', 'PV Max', 'HVM Max', 'PV Default', 'HVM Default']
  expect([...host.keys()]).toEqual(names)
  expect(max).toEqual({
    '00000001.ecx': '80b82201',
    '00000001.edx': '178bfbfd',
    '80000001.ecx': '00000007',
    '80000001.edx': '20100800',
    '80000008.ebx': '00100000',
    '80000021.eax': '00000024',
  })
})

test('a guest of this host has nothing that this host could not give', () => {
  expect(Object.keys(guest).length).toBeGreaterThan(3)
  expect(featuresBeyond(guest, max)).toEqual([])
})

test('what a guest has from a newer CPU is named', () => {
  const newer = {
    ...guest,
    '00000001.ecx': 'b0b82201',
    '00000007:00000000.ebx': '00000020',
    '00000007:00000002.edx': '00000002',
  }
  expect(featuresBeyond(newer, max)).toEqual(['avx', 'f16c', 'avx2', '00000007:00000002.edx bit 1'])
})

test('the highest bit counts, and the bits that AMD repeats do not', () => {
  expect(featuresBeyond({ '00000007:00000000.ebx': '80000000' }, max)).toEqual(['avx512vl'])
  expect(featuresBeyond({ '80000001.edx': '2193fbfd' }, max)).toEqual([])
})

test('the bits of MSR_ARCH_CAPABILITIES are features too', () => {
  const text = captured('xen-cpuid-p.txt').replaceAll(
    '0000010a -> 0000000000000000',
    '0000010a -> 8000000000000001',
  )
  expect(parseCpuPolicies(text).get('HVM Max')).toMatchObject({
    'arch_capabilities.low': '00000001',
    'arch_capabilities.high': '80000000',
  })
})
