import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { parseLocalPorts } from '../../lib/local-ports.ts'
import { parseEvent } from './parse-events.ts'
import { parseProcDrbd } from './parse-proc-drbd.ts'
import { parseBlockDeviceMinors, parseConfiguredNumbers } from './parse-used-numbers.ts'
import { applyEvent, type ResourceStates } from './resource-states.ts'

const captured = (path: string) =>
  readFile(new URL(`../../../test/captured/${path}`, import.meta.url), 'utf8')

function statesAfter(lines: readonly string[]): ResourceStates {
  return lines
    .map(parseEvent)
    .reduce<ResourceStates>(
      (states, event) => (event === null ? states : applyEvent(states, event)),
      new Map(),
    )
}

describe('events2', () => {
  it('of the target of 8.4 ends with a resource that was disconnected', async () => {
    const lines = (await captured('drbd-8.4.11/events2-target.txt')).trim().split('\n')
    expect(lines.length).toBeGreaterThan(20)
    expect(statesAfter(lines).get('dp-test')).toEqual({
      ...{ minor: 1950, role: 'Secondary', disk: 'UpToDate', connection: 'StandAlone' },
      ...{ peerRole: 'Unknown', replication: 'Off', peerDisk: 'DUnknown' },
      ...{ outOfSyncBytes: 0, sentBytes: 0, receivedBytes: 64 * 1024 * 1024 },
    })
  })

  it('of 9 has more keys and more kinds, and says the same', () => {
    const states = statesAfter([
      'exists resource name:r role:Primary suspended:no force-io-failures:no may_promote:no promotion_score:10101 write-ordering:flush',
      'exists connection name:r peer-node-id:1 conn-name:peer connection:Connected role:Secondary tls:no congested:no ap-in-flight:0 rs-in-flight:0',
      'exists device name:r volume:0 minor:7 backing_dev:/dev/vg/lv disk:UpToDate client:no open:yes quorum:yes size:1024 read:0 written:0',
      'exists path name:r peer-node-id:1 conn-name:peer local:ipv4:10.0.0.1:7000 peer:ipv4:10.0.0.2:7000 established:yes',
      'exists peer-device name:r peer-node-id:1 conn-name:peer volume:0 replication:SyncSource peer-disk:Inconsistent peer-client:no resync-suspended:no received:0 sent:100 out-of-sync:924 pending:0 unacked:0',
      'exists -',
      'change peer-device name:r peer-node-id:1 conn-name:peer volume:0 replication:SyncSource done:50.00',
    ])
    expect(states.get('r')).toMatchObject({
      ...{ minor: 7, role: 'Primary', peerRole: 'Secondary', connection: 'Connected' },
      ...{ replication: 'SyncSource', peerDisk: 'Inconsistent' },
      ...{ sentBytes: 100 * 1024, outOfSyncBytes: 924 * 1024 },
    })
  })

  it.each([
    'call helper name:r peer-node-id:0 conn-name:peer volume:0 minor:1 helper:before-resync-source',
    'rename resource name:r new_name:s',
    'exists',
    '',
  ])('passes over %j', (line) => {
    expect(parseEvent(line)).toBeNull()
  })

  it('keeps resources apart', () => {
    const states = statesAfter([
      'exists resource name:a role:Primary',
      'exists resource name:b role:Secondary',
      'destroy resource name:a',
      'destroy connection name:c conn-name:peer',
    ])
    expect([...states.keys()]).toEqual(['b'])
  })
})

describe('/proc/drbd', () => {
  it('tells how far a sync has got', async () => {
    const counters = parseProcDrbd(await captured('drbd-8.4.11/proc-drbd-sync.txt'))
    expect([...counters]).toEqual([
      [1950, { outOfSyncBytes: 27648 * 1024, sentBytes: 41284 * 1024, receivedBytes: 0 }],
    ])
  })

  it('of 9 tells nothing', () => {
    expect(parseProcDrbd('version: 9.2.8 (api:2/proto:86-122)\nTransports (api:20):\n').size).toBe(
      0,
    )
  })
})

describe('numbers that others use', () => {
  it('are found in what the kernel has', async () => {
    const used = parseConfiguredNumbers(await captured('drbd-8.4.11/drbdsetup-show.txt'))
    expect([...used.minors]).toEqual([1950])
    expect([...used.ports].sort()).toEqual([7950, 7951])
  })

  it('are found in what people write', () => {
    const used = parseConfiguredNumbers(`
      resource data { # on 10.0.0.9:7999
        device /dev/drbd3;
        on a { device minor 4; address 10.0.0.1:7790; }
        on b { device /dev/drbd_data minor 5; address ipv6 [fd00::2]:7791; }
      }`)
    expect([...used.minors].sort()).toEqual([3, 4, 5])
    expect([...used.ports].sort()).toEqual([7790, 7791])
  })

  it('are found among sockets and block devices', async () => {
    const ports = parseLocalPorts(await captured('linux-6.1/proc-net-tcp.txt'))
    expect([...ports]).toEqual([22, 0x1f0e, 0x854b])
    expect([...parseBlockDeviceMinors(['drbd0', 'sda', 'drbd1000', 'drbdx'])]).toEqual([0, 1000])
  })
})
