import { expect, it } from 'vitest'
import { captured } from '../../../test/support/scripted-commands.ts'
import { parseFilter, parseGroup, parseVolumes } from './parse-report.ts'

const tool = 'lvm-2.03.16'

it('reads our volumes and those of the administrator, without pools and snapshots', () => {
  const { volumes } = parseVolumes(captured(tool, 'lvs.json'))
  expect(volumes.map(({ id, name, managed }) => ({ id, name, managed }))).toEqual([
    { id: '11111111-1111-4111-8111-111111111111', name: 'root disk', managed: true },
    { id: '22222222-2222-4222-8222-222222222222', name: 'data', managed: true },
    { id: '9M3yr3-AprG-2UBH-Vh9u-Tiz1-6vq0-3iLXJ0', name: 'smcap-idle', managed: false },
    { id: 'OReBkB-tpnI-xjsU-9Kkj-cRDf-660I-ccoOSf', name: 'smcap-root', managed: false },
  ])
})

it('takes the exact size from the tag, and what a thin volume takes up from its use', () => {
  const { volumes } = parseVolumes(captured(tool, 'lvs.json'))
  expect(volumes[0]).toMatchObject({ sizeBytes: 12_583_424, allocatedBytes: 16_777_216 })
  expect(volumes[1]).toMatchObject({ sizeBytes: 16_777_216, allocatedBytes: 4_194_304 })
})

it('knows by which paths a volume may be named, and whether it is active and finished', () => {
  const { volumes } = parseVolumes(captured(tool, 'lvs.json'))
  expect(volumes[0]).toMatchObject({ isActive: true, isUnfinished: true })
  expect(volumes[2]).toMatchObject({ isActive: false, isUnfinished: false })
  expect(volumes[2]?.paths).toEqual(['/dev/vg0/smcap-idle', '/dev/mapper/vg0-smcap--idle'])
  expect(volumes[3]?.paths).toEqual([
    '/dev/vg0/smcap-root',
    '/dev/mapper/vg0-smcap--root',
    '/dev/dm-0',
  ])
})

it('reads thin pools, groups and filters', () => {
  expect(parseVolumes(captured(tool, 'lvs.json')).pools).toEqual([
    { name: 'smcap-pool', sizeBytes: 67_108_864, freeBytes: 62_914_560, zeroes: true },
  ])
  expect(parseVolumes(captured(tool, 'lvs-empty.json'))).toEqual({ volumes: [], pools: [] })
  expect(parseGroup(captured(tool, 'vgs.json'))).toEqual({
    sizeBytes: 17_175_674_880,
    freeBytes: 17_062_428_672,
    extentBytes: 4_194_304,
  })
  expect(parseFilter(captured(tool, 'lvmconfig-filter.txt'))).toEqual(['a|.*|'])
  expect(parseFilter('filter=["a|^/dev/sd|","r|.*|"]')).toEqual(['a|^/dev/sd|', 'r|.*|'])
})
