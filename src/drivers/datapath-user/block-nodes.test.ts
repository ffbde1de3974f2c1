import { expect, it } from 'vitest'
import type { Disk } from '../../ports/datapath.ts'
import { volumeNode } from './block-nodes.ts'

const disk: Disk = {
  ...{ vdi: 'vdi', sizeBytes: 1 << 20, volumePath: '/volumes/a', format: 'raw', adopted: null },
}

it('a block device is read past the cache, since another host may write to it', () => {
  const node = volumeNode({ ...disk, volumePath: '/dev/mapper/a' })
  expect(node).toMatchObject({
    cache: { direct: true },
    file: { driver: 'blkdebug', image: { driver: 'host_device', cache: { direct: true } } },
  })
})

it.each([
  ['raw', 'raw'],
  ['qcow2', 'qcow2'],
  ['vhd', 'vpc'],
] as const)('an image of format %s is opened as %s, with room given back', (format, driver) => {
  const node = volumeNode({ ...disk, format })
  expect(node).toMatchObject({ driver, discard: 'unmap' })
  expect(node).not.toHaveProperty('cache')
})
