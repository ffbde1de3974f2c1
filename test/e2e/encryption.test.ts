import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { ClusterHost } from './cluster.ts'
import { type HostPair, linksOn, openHostPair } from './encrypted-hosts.ts'
import { observeReplication } from './observed-replication.ts'

/** Disks on their way by DRBD, as somebody sees them who listens on the network between two hosts. That he would see them is in encryption.long.ts. */
const sizeMib = 16

let hosts: HostPair

beforeAll(async () => {
  hosts = await openHostPair()
  // The administrator's own WireGuard, one of them on the first port that would be ours.
  for (const { lab } of hosts)
    await lab.run(`ip link add admins0 type wireguard && ip link add admins1 type wireguard &&
      wg genkey > /run/admins.key && wg set admins0 listen-port 51820 private-key /run/admins.key &&
      wg set admins1 listen-port 7800 private-key /run/admins.key && ip link set admins0 up`)
})

afterAll(async () => {
  for (const { lab } of hosts ?? []) {
    await lab.exec('ip link delete admins0; ip link delete admins1; rm /run/admins.key')
  }
})

const admins = ({ lab }: ClusterHost) => lab.run('wg show admins0 dump; wg show admins1 dump')

it('nobody on the network reads a disk that is replicated, and nothing stays behind', async () => {
  const [source] = hosts
  const before = await Promise.all(hosts.map(admins))
  const observed = await observeReplication(hosts, sizeMib, async ({ id }) => {
    for (const host of hosts) {
      expect(await linksOn(host)).toEqual(['crosspool7801'])
      const ours = (await host.storage.leftovers()).filter(({ kind }) => kind === 'link')
      expect(ours).toMatchObject([{ owner: id, reason: expect.stringContaining('replication') }])
    }
    const privateKey =
      'grep -oE \'"privateKey":"[^"]+\' /var/lib/crosspool/links/7801.json | cut -d\'"\' -f4'
    const found = await source.lab.run(
      `journalctl -u crosspool-sm | grep -cF "$(${privateKey})"; find /var/lib/crosspool/links -perm /077 || true`,
    )
    expect(found.trim()).toBe('0')
  })
  expect(observed.replication).toMatchObject({ provider: 'drbd+wireguard', encrypted: true })
  expect(observed.wireBytes).toBeGreaterThan((sizeMib * MiB) / 2)
  expect(observed.seenPatterns).toBe(0)
  expect(await Promise.all(hosts.map(linksOn))).toEqual([[], []])
  expect(await Promise.all(hosts.map(admins))).toEqual(before)
  expect(await source.lab.run('find /var/lib/crosspool/links -type f')).toBe('')
})
