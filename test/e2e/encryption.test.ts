import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { observeReplication, replicatePattern } from './observed-replication.ts'

/** Disks on their way by DRBD, as somebody sees them who listens on the network between two hosts. */
const sizeMib = 16
const settings = '/etc/crosspool/sm.json'

let hosts: readonly [ClusterHost, ClusterHost]

beforeAll(async () => {
  const cluster = await Cluster.open()
  hosts = [cluster.host('alpha1'), cluster.host('beta1')]
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

/** Restarts the storage managers with this policy. */
async function setEncryption(
  policy: 'required' | 'off',
  which: readonly ClusterHost[] = hosts,
): Promise<void> {
  for (const host of which) {
    const present = JSON.parse(await host.lab.run(['cat', settings]))
    const input = JSON.stringify({ ...present, encryption: policy })
    await host.lab.run(`cat > ${settings}`, { input })
    await host.lab.run('systemctl restart crosspool-sm', { timeoutMs: 120_000 })
    await host.waitUntilAnswering()
  }
}

const links = async ({ lab }: ClusterHost) =>
  (await lab.run('ip -o link show type wireguard')).match(/crosspool\d+/g) ?? []
const admins = ({ lab }: ClusterHost) => lab.run('wg show admins0 dump; wg show admins1 dump')

it('nobody on the network reads a disk that is replicated, and nothing stays behind', async () => {
  const [source] = hosts
  const before = await Promise.all(hosts.map(admins))
  const observed = await observeReplication(hosts, sizeMib, async ({ id }) => {
    for (const host of hosts) {
      expect(await links(host)).toEqual(['crosspool7801'])
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
  expect(await Promise.all(hosts.map(links))).toEqual([[], []])
  expect(await Promise.all(hosts.map(admins))).toEqual(before)
  expect(await source.lab.run('find /var/lib/crosspool/links -type f')).toBe('')
})

it('what is left of a link is listed and cleaned', async () => {
  const [host] = hosts
  const name = 'crosspool-00000000-0000-4000-8000-00000000dead-source'
  const file = { name, port: 7990, privateKey: 'unused', publicKey: 'unused' }
  await host.lab.run('cat > /var/lib/crosspool/links/7990.json', { input: JSON.stringify(file) })
  await host.lab.run('ip link add crosspool7990 type wireguard')
  const left = [{ kind: 'link', name, reason: null }]
  const unneeded = async () =>
    (await host.storage.leftovers()).filter(({ reason }) => reason === null)
  expect(await unneeded()).toMatchObject(left)
  expect(await host.storage.cleanLeftovers()).toMatchObject(left)
  expect(await links(host)).toEqual([])
  expect(await unneeded()).toEqual([])
})

it('a host without WireGuard says what to do', async () => {
  const [source, target] = hosts
  const block = '/etc/modprobe.d/no-wireguard.conf'
  for (const device of ['admins0', 'admins1']) await source.lab.run(`ip link delete ${device}`)
  await source.lab.run(`echo install wireguard /bin/false > ${block}; modprobe -r wireguard`)
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
  await source.lab.run(`rm ${block}`)
})

it('with encryption switched off at both ends it can be read, and goes so much faster', async () => {
  const [source, target] = hosts
  const rateMib = 64
  await setEncryption('off', [source])
  const timed = () => replicatePattern(hosts, rateMib, async (_, syncMs) => syncMs)
  const encryptedMs = await timed()
  await setEncryption('off', [target])
  const observed = await observeReplication(hosts, sizeMib)
  const clearMs = await timed()
  await setEncryption('required')
  expect(observed.replication).toMatchObject({ provider: 'drbd', encrypted: false })
  expect(observed.seenPatterns).toBeGreaterThan(1000)
  const rate = (ms: number) => `${((rateMib * 1000) / ms).toFixed(1)} MiB/s`
  console.log(
    `sync of ${rateMib} MiB: ${rate(encryptedMs)} encrypted, ${rate(clearMs)} in the clear, ratio ${(clearMs / encryptedMs).toFixed(2)}`,
  )
})
