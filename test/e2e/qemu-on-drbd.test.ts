import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { tracesOf } from './traces.ts'

/**
 * A second toolstack on the same hosts, with the same storage managers beneath: it runs VMs with
 * QEMU. An emulator within an emulator is slow, so the guest is one sector of boot code that writes
 * numbered records and tells of each; see test/lab/guest/boot-writer.S.
 */
const port = 7321
const ring = { firstSector: 64, sectors: 256 }

let cluster: Cluster
let hosts: [ClusterHost, ClusterHost]

beforeAll(async () => {
  cluster = await Cluster.open()
  hosts = [cluster.host('alpha1'), cluster.host('beta1')]
})

async function startToolstack(host: ClusterHost): Promise<void> {
  const url = `https://${host.lab.address}:${port}`
  const configuration = {
    ...{ host: `${host.name}-qemu`, pool: host.pool, url, listen: { port }, hypervisor: 'qemu' },
    ...{ stateDirectory: '/var/lib/crosspool/xapi-qemu', runtimeDirectory: '/run/crosspool-qemu' },
    heartbeat: { intervalMs: 2_000, deadlineMs: 45_000 },
  }
  await host.lab.run('mkdir -p /run/crosspool-qemu && cat > /run/crosspool-qemu/xapi.json', {
    input: JSON.stringify(configuration),
  })
  await host.lab.run(
    'systemd-run --unit crosspool-xapi-qemu --property KillMode=process node /opt/crosspool/crosspool-xapi.mjs --config /run/crosspool-qemu/xapi.json',
  )
  await waitUntil(
    () =>
      ask(host, 'GET', '/health').then(
        () => true,
        () => false,
      ),
    {
      ...{
        description: `the second toolstack of ${host.name}`,
        timeoutMs: 120_000,
        intervalMs: 1_000,
      },
    },
  )
}

async function stopToolstack(host: ClusterHost): Promise<void> {
  await host.lab.run('systemctl stop crosspool-xapi-qemu; rm -rf /var/lib/crosspool/xapi-qemu')
}

async function ask<Answer>(
  host: ClusterHost,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const data = body === undefined ? '' : `--json '${JSON.stringify(body)}'`
  const command = `curl -sS --fail-with-body -X ${method} ${data} --unix-socket /run/crosspool-qemu/xapi.sock http://localhost/v1${path}`
  return JSON.parse(await host.lab.run(command, { timeoutMs: 180_000 }))
}

/** What the guest has told on its serial line, on this host. */
async function told(
  host: ClusterHost,
  vm: string,
): Promise<{ acknowledged: number; errors: number }> {
  const { stdout } = await host.lab.exec(['cat', `/run/crosspool-qemu/qemu/${vm}/console.log`])
  const lines = stdout.split('\n').map((line) => line.trim())
  const numbers = lines.filter((line) => /^A[0-9A-F]{8}$/.test(line))
  return {
    acknowledged: Number.parseInt(numbers.at(-1)?.slice(1) ?? '0', 16),
    errors: lines.filter((line) => line.startsWith('E')).length,
  }
}

async function bootSector(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'boot-writer-'))
  const source = resolve(import.meta.dirname, '../lab/guest/boot-writer.S')
  const binary = join(folder, 'boot')
  const flat = '-Wl,--oformat=binary,-Ttext=0x7c00,--build-id=none'
  await execa('gcc', ['-nostdlib', '-ffreestanding', '-m32', flat, '-o', binary, source])
  const sector = await readFile(binary)
  await rm(folder, { recursive: true })
  return sector
}

it('a QEMU VM on an LV gets DRBD beneath it as a Xen one does', async () => {
  const [source, destination] = hosts
  const before = await Promise.all(hosts.map(tracesOf))
  const { vdi, device } = await source.newDisk('local', 'boot', 16 * MiB)
  await source.lab.run(`dd of=${device} bs=512 conv=notrunc oflag=sync status=none`, {
    input: await bootSector(),
  })
  await Promise.all(hosts.map(startToolstack))
  const definition = {
    ...{ name: 'bootwriter', memoryBytes: 32 * MiB, boot: { disk: true } },
    disks: [{ vdi }],
  }
  const { id: vm } = await ask<{ id: string }>(source, 'POST', '/vms', definition)
  const progress = async (host: ClusterHost, beyond: number) =>
    waitUntil(async () => (await told(host, vm)).acknowledged > beyond, {
      ...{ description: 'the guest to write', timeoutMs: 300_000, intervalMs: 2_000 },
    })
  await progress(source, 20)
  const { line } = await ask<{ line: string }>(destination, 'POST', '/peers/invitations')
  await ask(source, 'POST', '/peers', { line })
  const { id } = await ask<{ id: string }>(source, 'POST', '/vms/bootwriter/migrate', {
    destination: `${destination.name}-qemu`,
    srMap: { '*': 'local' },
  })
  let operation: Record<string, unknown> = {}
  await waitUntil(
    async () => {
      operation = await ask(source, 'GET', `/operations/${id}`)
      return operation.endedAtMs !== null
    },
    { description: 'the migration', timeoutMs: 400_000, intervalMs: 2_000 },
  )
  expect(operation, await source.log()).toMatchObject({ state: 'succeeded' })
  expect((await source.storage.facts()).replicationSchemes).toEqual(['drbd+wireguard'])
  await progress(destination, 20)

  const last = await told(destination, vm)
  expect(last.errors).toBe(0)
  await ask(destination, 'DELETE', '/vms/bootwriter')
  const found = await destination.storage.listVdis()
  const disk = found.find(({ name }) => name === 'boot')
  if (!disk) throw new Error('the disk has not arrived')
  await destination.storage.attach(disk.id)
  const path = (await destination.storage.activate(disk.id)).device ?? ''
  const { stdout } = await destination.lab.execBytes(
    `dd if=${path} bs=512 skip=${ring.firstSector} count=${ring.sectors} iflag=direct status=none`,
  )
  const newest = Math.max(...sequences(stdout))
  expect(newest).toBeGreaterThanOrEqual(last.acknowledged)
  for (let sequence = Math.max(1, newest - ring.sectors + 1); sequence <= newest; sequence += 1)
    expectRecord(stdout, sequence)
  await destination.removeDisk(disk.id)
  await Promise.all(hosts.map(stopToolstack))
  expect(await Promise.all(hosts.map(tracesOf))).toEqual(before)
})

function sequences(region: Buffer): number[] {
  return Array.from({ length: ring.sectors }, (_, index) => region.readUInt32LE(index * 512))
}

/** Each sector is the number and its complement, 64 times. */
function expectRecord(region: Buffer, sequence: number): void {
  const offset = (sequence % ring.sectors) * 512
  for (let word = 0; word < 128; word += 1) {
    const expected = word % 2 === 0 ? sequence : ~sequence >>> 0
    expect(region.readUInt32LE(offset + word * 4)).toBe(expected)
  }
}
