import { beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Cluster, type ClusterHost } from './cluster.ts'

/**
 * What DRBD sends of a disk that is mostly empty, on real devices; a lab of plain Linux hosts will do.
 * Each target holds something else before, and somebody writes to the source all the while.
 */
let source: ClusterHost
let target: ClusterHost
const sizeBytes = 256 * MiB
const deadline = { timeoutMs: 400_000, intervalMs: 500 }

beforeAll(async () => {
  const cluster = await Cluster.open()
  source = cluster.host('alpha1')
  target = cluster.host('beta1')
  for (const { lab, storage } of [source, target]) {
    await lab.exec('lvs vg0/pool || lvcreate --yes -L 1g -c 64k -Z y -T vg0/pool')
    if ((await storage.listSrs()).some(({ name }) => name === 'thin')) continue
    const configuration = { volumeGroup: 'vg0', thinPool: 'pool' }
    await storage.createSr({ name: 'thin', type: 'lvm', configuration })
  }
})

interface Mirrored {
  readonly from: { readonly vdi: string; readonly device: string }
  readonly to: { readonly vdi: string; readonly device: string }
  readonly replication: string
  readonly allocatedBytes: number
  readonly sentBytes: number
  readonly tookMs: number
}

/** Mirrors a disk with these pieces of data on it, until it is in sync. */
async function mirror(sr: string, pieces: string, bytesPerSecondMax: number | null = null) {
  const from = await source.newDisk(sr, 'sparse source', sizeBytes)
  const to = await target.newDisk(sr, 'sparse target', sizeBytes)
  await source.lab.run(pieces.replaceAll('DEVICE', from.device))
  const old = 'if=/dev/urandom bs=1M oflag=direct conv=notrunc status=none seek=60 count=30'
  await target.lab.run(`dd of=${to.device} ${old}`)
  const { allocatedBytes } = await source.storage.getVdi(from.vdi)
  await source.lab.run('cat > /run/racing.sh', { input: racing.replace('DEVICE', from.device) })
  await source.lab.run('systemd-run --unit racing bash /run/racing.sh')
  const { uri, replication } = await target.storage.getReplicationTarget(to.vdi)
  if (bytesPerSecondMax) await target.storage.limitReplication(replication, bytesPerSecondMax)
  const startedMs = performance.now()
  await source.storage.replicateTo(from.vdi, uri)
  const state = () => source.storage.getReplication(replication)
  const isSynced = async () => (await state()).state === 'synced'
  await waitUntil(isSynced, { description: `the mirror of ${sr}`, ...deadline })
  const tookMs = Math.round(performance.now() - startedMs)
  await source.lab.run('systemctl stop racing')
  const { sentBytes } = await state()
  return { from, to, replication, allocatedBytes, sentBytes, tookMs } satisfies Mirrored
}

/** A guest that writes to places that nobody has written to before, too. */
const racing =
  'while true; do dd if=/dev/urandom of=DEVICE bs=4k count=1 seek=$((32768 + RANDOM % 2000)) oflag=direct conv=notrunc status=none; done'

async function sameOnBothSides({ from, to }: Mirrored): Promise<void> {
  const sum = (host: ClusterHost, device: string) =>
    host.lab.run(`dd if=${device} bs=1M iflag=direct status=none | md5sum`)
  expect(await sum(target, to.device)).toBe(await sum(source, from.device))
}

async function end({ from, to, replication }: Mirrored): Promise<void> {
  await source.storage.stopReplication(replication, 'volume')
  await target.storage.stopReplication(replication, 'volume')
  await source.removeDisk(from.vdi)
  await target.removeDisk(to.vdi)
}

const write = (where: string) =>
  `dd if=/dev/urandom of=DEVICE bs=1M oflag=direct conv=notrunc status=none ${where}`
const sparse = ['seek=1 count=8', 'seek=40 count=8', 'seek=110 count=8'].map(write).join(' && ')

describe('a disk of which a tenth is in use', () => {
  it.each(['files', 'thin', 'local'])('is not sent in full: %s', async (sr) => {
    const mirrored = await mirror(sr, sparse)
    const before = await target.storage.getVdi(mirrored.to.vdi)
    await sameOnBothSides(mirrored)
    const { allocatedBytes, sentBytes, tookMs } = mirrored
    console.log(JSON.stringify({ sr, sizeBytes, allocatedBytes, sentBytes, tookMs }))
    expect(sentBytes).toBeLessThan(sizeBytes / 4)

    // The guest's discards and zeroes reach both sides.
    await source.lab.run(`blkdiscard -o ${40 * MiB} -l ${8 * MiB} ${mirrored.from.device}`)
    await source.lab.run(`blkdiscard -z -o ${MiB} -l ${MiB} ${mirrored.from.device}`)
    await sameOnBothSides(mirrored)
    const after = await target.storage.getVdi(mirrored.to.vdi)
    console.log(JSON.stringify({ sr, target: [before.allocatedBytes, after.allocatedBytes] }))
    if (sr !== 'local') expect(after.allocatedBytes).toBeLessThan(before.allocatedBytes)
    await end(mirrored)
  })
})

it('a full disk is sent in full, and no faster than its limit', async () => {
  const full = await mirror('files', write('count=256'))
  await sameOnBothSides(full)
  await end(full)
  const limited = await mirror('files', write('count=64'), 4 * MiB)
  await end(limited)
  const { sentBytes, tookMs } = full
  console.log(JSON.stringify({ full: { sentBytes, tookMs }, limitedMs: limited.tookMs }))
  expect(limited.tookMs).toBeGreaterThan(30_000)
})
