import { beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { Replication } from '../../src/model/replication.ts'
import { type HostPair, linksOn, openHostPair, setEncryption } from './encrypted-hosts.ts'
import { observeReplication, replicatePattern } from './observed-replication.ts'

/** What surrounds the encryption of disks on their way: leftovers, a host that lacks it, what it costs. */
let hosts: HostPair

beforeAll(async () => {
  hosts = await openHostPair()
})

it('with encryption switched off at both ends the network can read a disk', async () => {
  await setEncryption('off', hosts)
  try {
    const observed = await observeReplication(hosts, 16)
    expect(observed.replication).toMatchObject({ provider: 'drbd', encrypted: false })
    expect(observed.seenPatterns).toBeGreaterThan(1000)
  } finally {
    await setEncryption('required', hosts)
  }
})

it('what is left of a link is listed and cleaned', async () => {
  const [host] = hosts
  const name = 'crosspool-00000000-0000-4000-8000-00000000dead-source'
  const file = { name, port: 7990, privateKey: 'unused', publicKey: 'unused' }
  await host.lab.run('mkdir -p -m 700 /var/lib/crosspool/links')
  await host.lab.run('cat > /var/lib/crosspool/links/7990.json', { input: JSON.stringify(file) })
  await host.lab.run('ip link add crosspool7990 type wireguard')
  const left = [{ kind: 'link', name, reason: null }]
  const unneeded = async () =>
    (await host.storage.leftovers()).filter(({ reason }) => reason === null)
  expect(await unneeded()).toMatchObject(left)
  expect(await host.storage.cleanLeftovers()).toMatchObject(left)
  expect(await linksOn(host)).toEqual([])
  expect(await unneeded()).toEqual([])
})

it('a host without WireGuard says what to do', async () => {
  const [source, target] = hosts
  const block = '/etc/modprobe.d/no-wireguard.conf'
  await source.lab.run(`echo install wireguard /bin/false > ${block}; modprobe -r wireguard`)
  try {
    await source.lab.run('systemctl restart crosspool-sm', { timeoutMs: 120_000 })
    await source.waitUntilAnswering()
    const facts = await source.storage.facts()
    expect(facts).toMatchObject({ replicationSchemes: [] })
    expect(facts.encryptionObstacle).toContain('no module wireguard')
    const create = { sr: await target.sr('local'), name: 'unwanted', sizeBytes: 4 * MiB }
    const { id } = await target.storage.createVdi(create)
    await expect(
      target.storage.getReplicationTarget(id, facts.replicationSchemes),
    ).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    await target.storage.destroyVdi(id)
  } finally {
    await source.lab.run(`rm ${block}`)
    await setEncryption('required', [source])
  }
})

it('a side that requires encryption gets it, and without it a copy goes so much faster', async () => {
  const [source, target] = hosts
  const sizeMib = 64
  const timed = () =>
    replicatePattern(hosts, sizeMib, async ({ encrypted }: Replication, syncMs) => ({
      encrypted,
      mibPerSecond: (sizeMib * 1000) / syncMs,
    }))
  await setEncryption('off', [source])
  try {
    const linked = await timed()
    await setEncryption('off', [target])
    const clear = await timed()
    expect([linked.encrypted, clear.encrypted]).toEqual([true, false])
    const [slow, fast] = [linked.mibPerSecond, clear.mibPerSecond]
    console.log(
      `sync of ${sizeMib} MiB: ${slow.toFixed(1)} MiB/s encrypted, ${fast.toFixed(1)} in the clear, ratio ${(slow / fast).toFixed(2)}`,
    )
  } finally {
    await setEncryption('required', hosts)
  }
})
