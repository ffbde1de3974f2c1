import { expect, it } from 'vitest'
import { captured } from '../../../test/support/scripted-commands.ts'
import { qcow2DiskBytes, vhdDiskBytes } from './image-header.ts'

const header = (name: string) =>
  Buffer.from(captured('qemu-img-7.2.22', `${name}.base64`), 'base64')

it("reads the disk's size from each format's header", () => {
  expect(qcow2DiskBytes(header('qcow2-header'))).toBe(67_108_864)
  expect(vhdDiskBytes(header('vhd-footer'))).toBe(67_109_376)
})

it('reads a VHD of an old creator by its geometry, as QEMU does', () => {
  expect(vhdDiskBytes(header('vhd-footer-geometry'))).toBe(67125248)
})

it('takes no other file for an image', () => {
  expect(qcow2DiskBytes(Buffer.from('QFI'))).toBeNull()
  expect(vhdDiskBytes(Buffer.alloc(512))).toBeNull()
  expect(vhdDiskBytes(header('qcow2-header'))).toBeNull()
})
