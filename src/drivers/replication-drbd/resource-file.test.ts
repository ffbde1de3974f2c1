import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { BlockResource } from '../../ports/block-replicator.ts'
import { createDrbdCommands } from './commands.ts'
import { defaultOptions, mergeOptions } from './options.ts'
import { formatMainFile, formatResourceFile, isSameEncounter } from './resource-file.ts'

const docs = new URL('../../../docs/drbd/', import.meta.url)

/** The replication that the sample files in docs/drbd show, as its source writes it. */
const sample: BlockResource = {
  name: 'crosspool-0f6f3a1e-5d0c-4a0e-9c60-2f1b8f7f3a11-source',
  sizeBytes: 10 * 1024 ** 3,
  device: '/dev/mapper/crosspool-0f6f3a1e-5d0c-4a0e-9c60-2f1b8f7f3a11-source-back',
  metadataDevice: '/dev/loop0',
  discardsReadAsZeroes: false,
  secret: '00112233445566778899aabbccddeeff',
  local: { address: '10.77.0.11', port: 7800 },
  peer: { address: '10.77.0.13', port: 7801 },
}

function format(driverMajor: number, resource = sample): string {
  const common = { minor: 1000, options: defaultOptions, hostName: 'xen1' }
  return formatResourceFile({ resource, driverMajor, ...common })
}

describe('resource files', () => {
  it('are the ones that the documentation shows (run with -u to write them)', async () => {
    const directory = '/var/lib/crosspool/drbd.d'
    await expect(formatMainFile(`${directory}/*.res`)).toMatchFileSnapshot(
      new URL('drbd.conf', docs).pathname,
    )
    await expect(format(8)).toMatchFileSnapshot(new URL('drbd-8.4.res', docs).pathname)
    await expect(format(9)).toMatchFileSnapshot(new URL('drbd-9.res', docs).pathname)
    expect(await readFile(new URL('README.md', docs), 'utf8')).toContain('drbd-8.4.res')
  })

  it('agree about the node ids of DRBD 9, whichever side writes them', () => {
    const other = { ...sample, local: sample.peer, peer: sample.local }
    const ids = (text: string) =>
      [...text.matchAll(/floating ipv4 (\S+) \{\s+node-id (\d)/g)].map((match) => match.slice(1))
    expect(ids(format(9))).toHaveLength(2)
    expect(ids(format(9, other)).sort()).toEqual(ids(format(9)).sort())
  })

  it('take addresses of both families, and nothing that would end a string', () => {
    const local = { address: 'fd00::1', port: 7800 }
    expect(format(8, { ...sample, local })).toContain('floating ipv6 [fd00::1]:7800 {')
    expect(() => format(8, { ...sample, secret: 'a"; }' })).toThrow()
  })

  it('take no address that is more than an address', () => {
    const address = '10.0.0.1:7800; } handlers { split-brain "/bin/evil"; } #'
    const change = { ...sample, peer: { address, port: 7800 } }
    expect(() => format(8, change)).toThrow('is no address')
  })

  it('within one host tell the sides apart by name', () => {
    const peer = { address: sample.local.address, port: 7801 }
    const text = format(8, { ...sample, peer })
    expect(text).not.toContain('floating')
    expect(text).toMatch(/on "xen1" \{\s+address ipv4 10.77.0.11:7800;/)
    expect(text).toMatch(/on "crosspool-peer" \{\s+address ipv4 10.77.0.11:7801;/)
  })

  it('tell whether two ends will meet that met before', () => {
    const same = { ...sample, device: '/dev/mapper/other', metadataDevice: '/dev/loop7' }
    expect(isSameEncounter(format(8), format(8, same))).toBe(true)
    const elsewhere = { ...sample, peer: { ...sample.peer, port: 7802 } }
    const stranger = { ...sample, secret: 'ffeeddccbbaa99887766554433221100' }
    for (const other of [elsewhere, stranger])
      expect(isSameEncounter(format(8), format(8, other))).toBe(false)
  })

  it('may be given other options', () => {
    const options = mergeOptions(defaultOptions, { net: { 'ping-int': 10 } })
    const text = formatResourceFile({
      ...{ resource: sample, minor: 1, options, driverMajor: 8, hostName: 'xen1' },
    })
    expect(text).toContain('ping-int 10;')
    expect(text).not.toContain('ping-int 3;')
    expect(text).toContain('protocol C;')
  })
})

describe('commands', () => {
  const reservation = { name: 'r', minor: 1000, address: '10.0.0.1', port: 7800 }

  it('of the handover are one process each; 8.4 has roles of minors, 9 of resources', () => {
    const [eight, nine] = [createDrbdCommands(() => '/f', 8), createDrbdCommands(() => '/f', 9)]
    expect(eight.promote(reservation, false)).toEqual(['drbdsetup', 'primary', '1000'])
    expect(eight.promote(reservation, true)).toEqual(['drbdsetup', 'primary', '1000', '--force'])
    expect(eight.demote(reservation)).toEqual(['drbdsetup', 'secondary', '1000'])
    expect(nine.promote(reservation, false)).toEqual(['drbdsetup', 'primary', 'r'])
    expect(nine.demote(reservation)).toEqual(['drbdsetup', 'secondary', 'r'])
  })

  it('read what they do from the resource file', () => {
    const commands = createDrbdCommands((name) => `/var/lib/crosspool/drbd.d/${name}.conf`, 8)
    expect(commands.connect('r')).toEqual([
      ...['drbdadm', '-c', '/var/lib/crosspool/drbd.d/r.conf', 'connect', 'r'],
    ])
    expect(commands.createMetadata('r').slice(3)).toEqual([
      ...['--', '--peer-max-bio-size=1048576', '--force', 'create-md', 'r'],
    ])
  })
})
