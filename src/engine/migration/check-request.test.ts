import { describe, expect, it } from 'vitest'
import { sample } from '../../../test/support/sample-documents.ts'
import { type ReceiveRequest, receiveRequestSchema } from '../../model/migration.ts'
import { checkRequest } from './check-request.ts'

const disk = (slot: string, vdi: string) => ({
  ...{
    slot,
    vdi,
    name: vdi,
    sizeBytes: 512,
    sr: 's',
    srName: 's',
    srShared: false,
    wantedSr: null,
  },
})
const vmDisk = (slot: string) => ({ slot, device: '/dev/sda', readOnly: false })
const { vm } = sample.receiveRequest
const nic = { slot: '0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }
const definition = {
  ...{ id: vm.id, name: vm.name, vcpus: 1, memoryBytes: 2 ** 27, boot: { disk: true as const } },
  ...{ disks: [{ vdi: 'a', readOnly: false }], interfaces: [] },
}
const request: ReceiveRequest = {
  ...sample.receiveRequest,
  vm: { ...vm, disks: [vmDisk('xvda'), vmDisk('xvdb')], interfaces: [nic] },
  disks: [disk('xvda', 'a'), disk('xvdb', 'b')],
  interfaces: [nic],
  definition,
}

describe('what a source asks for', () => {
  it('is taken when its parts are about one VM', () => {
    expect(receiveRequestSchema.safeParse(request).success).toBe(true)
    expect(() => checkRequest(request)).not.toThrow()
  })

  it.each([
    ['a disk of the VM does not come', { disks: [disk('xvda', 'a')] }, 'disks that come'],
    ['a disk comes for no slot', { disks: [...request.disks, disk('xvdc', 'c')] }, 'disks that'],
    ['a slot comes twice', { disks: [disk('xvda', 'a'), disk('xvda', 'b')] }, 'disks that come'],
    ['a VDI comes twice', { disks: [disk('xvda', 'a'), disk('xvdb', 'a')] }, 'comes twice'],
    ['an interface has no network here', { interfaces: [] }, 'interfaces are not'],
    ['its definition is of another VM', { definition: { ...definition, name: 'x' } }, 'another VM'],
    [
      'its definition names a disk of ours',
      { definition: { ...definition, disks: [{ vdi: 'ours', readOnly: false }] } },
      'names VDI ours',
    ],
  ])('is refused when %s', (_, change, reason) => {
    expect(() => checkRequest({ ...request, ...change })).toThrow(reason)
  })

  it.each([
    ['a path as the name', { name: '../../../etc/cron.d/x' }],
    ['a shell in the name', { name: 'a;reboot' }],
    ['a line in the name', { name: 'a\nb' }],
    ['an option as the name', { name: '-S' }],
    ['a path as the id', { id: '../../etc' }],
    ['no memory', { memoryBytes: 0 }],
    ['memory beyond all numbers', { memoryBytes: 1e300 }],
    ['more CPUs than there are', { vcpus: 1e6 }],
    ['an option in a slot', { disks: [vmDisk('xvda,file=/etc/shadow')] }],
    ['more disks than fit', { disks: Array.from({ length: 65 }, () => vmDisk('xvda')) }],
    ['a MAC that is more', { interfaces: [{ ...nic, mac: `${nic.mac},script=x` }] }],
  ])('is not even read with %s', (_, change) => {
    const lie = { ...request, vm: { ...request.vm, ...change } }
    expect(receiveRequestSchema.safeParse(lie).success).toBe(false)
  })

  it('cannot keep a host busy by its heartbeat', () => {
    for (const change of [{ heartbeatIntervalMs: 1 }, { heartbeatDeadlineMs: 1e15 }])
      expect(receiveRequestSchema.safeParse({ ...request, ...change }).success).toBe(false)
  })
})
