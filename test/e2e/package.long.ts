import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCrosspoolPackage, makeNodePackage } from '../../scripts/package/make-packages.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import { type AdministratorsDrbd, administratorsDrbd } from '../lab/administrators-drbd.ts'
import { TestGuest } from '../lab/guest/test-guest.ts'
import { attachLab, type Lab, startDetachedLab } from '../lab/lab.ts'
import type { LabHost } from '../lab/lab-host.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { confinementOf, fingerprintOf, takeCheckoutAway } from './packaged-hosts.ts'

/** The Debian packages on running Xen hosts with DRBD: one story, from the installation to the purge. */
let lab: Lab
let hosts: readonly [LabHost, LabHost]
let folder: string
let packages: readonly string[]
let newer: string
let admin: AdministratorsDrbd
let before: readonly (readonly string[])[]
let guest: TestGuest

/** An emulated host needs seconds for what takes milliseconds elsewhere. */
const slow = { timeoutMs: 900_000 }
const packagesAt = '/root/packages'
const heartbeat = { intervalMs: 2_000, deadlineMs: 45_000 }

const crosspool = (host: LabHost, args: string) => host.run(`crosspool ${args}`, slow)
/** The last of the documents that the command prints, one a line. */
const json = async (host: LabHost, args: string) => {
  const text = await crosspool(host, `${args} --json`)
  return JSON.parse(text.slice(text.lastIndexOf('\n') + 1))
}
const both = <T>(act: (host: LabHost) => Promise<T>) => Promise.all(hosts.map(act))
const dpkg = (host: LabHost, ...args: string[]) =>
  host.run(['env', 'DEBIAN_FRONTEND=noninteractive', 'dpkg', ...args], slow)

async function untilReady(host: LabHost): Promise<void> {
  const ready = async () => {
    const { exitCode } = await host.exec('crosspool vms --json && crosspool srs --json', slow)
    return exitCode === 0
  }
  const description = `the daemons of ${host.name} to answer`
  await waitUntil(ready, { description, timeoutMs: 300_000, intervalMs: 1_000 })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crosspool-packages-'))
  const starting = attachLab().then(
    (up) => up ?? startDetachedLab({ topology: 'pair', isFresh: true }),
  )
  packages = [
    await makeCrosspoolPackage({ version: '1.0.0', folder }),
    await makeNodePackage(folder),
  ]
  newer = await makeCrosspoolPackage({ version: '1.0.1', folder })
  lab = await starting
  await lab.waitUntilUp()
  hosts = [lab.host('alpha1'), lab.host('beta1')]
  await both(takeCheckoutAway)
  admin = await administratorsDrbd(...hosts)
  const [source] = hosts
  await source.run(
    'lvcreate --yes --wipesignatures y -L 64m -n plain vg0 && blkdiscard --zeroout /dev/vg0/plain',
    slow,
  )
  guest = new TestGuest(lab, {
    ...{ name: 'plain', number: 140, disks: ['phy:/dev/vg0/plain'], intervalMs: 100, tickMs: 50 },
  })
  await both((host) => guest.installOn(host))
  for (const host of hosts)
    for (const file of [...packages, newer])
      await host.upload(file, `${packagesAt}/${basename(file)}`)
  before = await both(fingerprintOf)
})

afterAll(async () => {
  await admin?.remove()
  await hosts?.[0].exec('lvremove --yes vg0/plain')
  await rm(folder, { recursive: true, force: true })
})

it('are installed: both daemons run, confined as docs/security.md says', async () => {
  await both(async (host) => {
    await dpkg(host, '--install', ...packages.map((file) => `${packagesAt}/${basename(file)}`))
    await untilReady(host)
    for (const [unit, exposureMax] of [
      ['sm', 5.2],
      ['xapi', 3.4],
    ] as const) {
      const confinement = await confinementOf(host, `crosspool-${unit}`)
      expect(confinement).toMatchObject({ noNewPrivileges: 1, seccompMode: 2 })
      expect(confinement.exposure).toBeLessThanOrEqual(exposureMax)
    }
  })
})

it('two hosts are configured and trust each other', async () => {
  await both(async (host) => {
    const { name, pool, address } = host
    const storage = { host: name, url: `https://${address}:7310`, replicationAddress: address }
    const xen = { kernelDirectories: ['/var/lib/crosspool-lab/guest'] }
    const toolstack = { host: name, pool, url: `https://${address}:7311`, heartbeat, xen }
    await host.run('cat > /etc/crosspool/sm.json', { input: JSON.stringify(storage) })
    await host.run('cat > /etc/crosspool/xapi.json', { input: JSON.stringify(toolstack) })
    await host.run('systemctl restart crosspool-sm crosspool-xapi', slow)
    await untilReady(host)
    await crosspool(host, 'srs create local --type lvm --set volumeGroup=vg0')
  })
  const [source, destination] = hosts
  await crosspool(source, `pool join '${await crosspool(destination, 'pool trust')}'`)
  const { findings } = JSON.parse((await source.exec('crosspool doctor --json', slow)).stdout)
  expect(findings.filter(({ result }: { result: string }) => result === 'failed')).toEqual([])
})

it('a VM that plain xl has started moves by the command, and loses nothing', async () => {
  const [source, destination] = hosts
  await lab.forgetGuest(guest.name)
  await guest.startOn(source, 240_000)
  const line = `migrate ${guest.name} --to ${destination.pool}/${destination.name}`
  const operation = await json(source, line)
  expect(operation).toMatchObject({ state: 'succeeded', error: null })
  // Of blocks of the kernel's own count: before the mirror, and while every write waits for the other side.
  const { disks } = migrationDetailsSchema.parse(operation.details)
  expect(disks).toMatchObject([
    { replicated: true, encrypted: true, writeLatency: { duringUs: expect.any(Number) } },
  ])
  await guest.waitUntilOn(destination)
  expect(await source.run("xl list | awk 'NR>2'")).toBe('')
})

it('an upgrade beneath a running VM leaves it alone, and so does one where none runs', async () => {
  const [, destination] = hosts
  const sinceMs = Date.now()
  const domain = await destination.run(`xl domid ${guest.name}`)
  await both(async (host) => {
    await dpkg(host, '--install', `${packagesAt}/${basename(newer)}`)
    await untilReady(host)
  })
  expect(await destination.run(`dpkg-query -W -f '\${Version}' crosspool`)).toBe('1.0.1')
  expect(await destination.run('cat /etc/crosspool/sm.json')).toContain(destination.address)
  expect(await destination.run(`xl domid ${guest.name}`)).toBe(domain)
  expect(await json(destination, `vms show ${guest.name}`)).toMatchObject({
    state: 'running',
    epoch: 1,
  })
  // A restart of the daemons is nothing that a guest could notice; what there is is the emulated host's own load.
  expect((await guest.longestGap(sinceMs, Date.now())).gapMs).toBeLessThan(20_000)
})

it('removed beneath the running VM, and installed again, it knows all', async () => {
  const [, destination] = hosts
  await dpkg(destination, '--remove', 'crosspool')
  expect(await destination.run(`xl domid ${guest.name}`)).not.toBe('')
  expect((await destination.exec('command -v crosspool')).exitCode).not.toBe(0)
  await dpkg(destination, '--install', `${packagesAt}/${basename(newer)}`)
  await untilReady(destination)
  const { disks } = await json(destination, `vms show ${guest.name}`)
  const [vdi] = await json(destination, `vdis list --device ${disks[0].device}`)
  expect(vdi).toMatchObject({ managed: true, state: 'activated' })
  await guest.destroyOn(destination)
  expect((await guest.check(destination, [disks[0].device])).problems).toEqual([])
  for (const act of ['deactivate', 'detach', 'destroy'])
    await crosspool(destination, `vdis ${act} '${vdi.id}'`)
})

it('a purge leaves nothing behind, and nothing of the administrator has changed', async () => {
  const status = await admin.status()
  await both((host) => dpkg(host, '--purge', 'crosspool', 'crosspool-node'))
  expect(await both(fingerprintOf)).toEqual(before)
  expect(await admin.status()).toBe(status)
  await both((host) => host.run(['rm', '-r', packagesAt]))
})
