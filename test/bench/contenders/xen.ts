import { setTimeout as sleep } from 'node:timers/promises'
import { MiB } from '../../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../../src/model/migration.ts'
import type { Cluster, ClusterHost } from '../../e2e/cluster.ts'
import { endGuest } from '../../e2e/end-guest.ts'
import { checkWrites } from '../../e2e/measured-migration.ts'
import type { TestGuest } from '../../lab/guest/test-guest.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import { migrate } from '../../support/measured-migration.ts'
import type { Contender, Moved, SparseDisk } from '../contender.ts'
import { keepReplica, movedBy } from './crosspool.ts'
import { guestOptions } from './two-sides.ts'

const { name, number } = guestOptions
const commandTimeoutMs = 600_000
const settledMs = 2_000
/** Behind the guest's records. */
const firstMebibyte = 4

/** Crosspool in the lab: a sparse file on each side, mirrored by DRBD. */
export function crosspoolOnXen(cluster: Cluster): Contender {
  let [source, destination] = [cluster.host('alpha1'), cluster.host('alpha2')]
  let guest: TestGuest = cluster.guest({ name, number, disks: [] })
  let hasReplica = false
  return {
    name: 'crosspool',
    async start(disk) {
      hasReplica = false
      const { device } = await source.newDisk('files', name, disk.sizeBytes)
      await fill(source, device, disk)
      guest = await cluster.startGuest(source, { name, number, disks: [`phy:${device}`] })
    },
    async move() {
      const aheadMs = await clockAheadMs(source)
      // Where the replica is, the way back finds it by itself.
      const request = hasReplica ? {} : { srMap: { '*': 'files' }, keepReplica }
      const operation = await migrate(name, source, destination, request)
      if (operation.state !== 'succeeded') throw new Error(JSON.stringify(operation.error))
      hasReplica = true
      ;[source, destination] = [destination, source]
      const { figures } = migrationDetailsSchema.parse(operation.details)
      return { ...onOurClock(movedBy(operation), aheadMs), copiedBytes: figures.bytesReplicated }
    },
    observations: (sinceMs) => guest.observations(sinceMs),
    async end() {
      const { problems } = await checkWrites(guest, source)
      await endGuest(guest, source)
      return problems
    },
    close: async () => {},
  }
}

/** `xl migrate` as Xen brings it, with a disk that both hosts reach. */
export function bareXl(cluster: Cluster): Contender {
  let [source, destination] = [cluster.host('alpha1'), cluster.host('alpha2')]
  const device = '/dev/disk/by-id/virtio-shared0'
  let guest: TestGuest = cluster.guest({ name, number, disks: [] })
  return {
    name: 'xl-migrate',
    async start(disk) {
      // Records of an earlier guest are none of this one's.
      await source.lab.run(`dd if=/dev/zero of=${device} bs=1M count=${firstMebibyte} oflag=direct`)
      await fill(source, device, disk)
      guest = await cluster.startGuest(source, { name, number, disks: [`phy:${device}`] })
    },
    async move() {
      const beganMs = Date.now()
      const command = ['xl', 'migrate', name, destination.lab.address]
      await source.lab.run(command, { timeoutMs: commandTimeoutMs })
      const endedMs = Date.now()
      ;[source, destination] = [destination, source]
      const marks = [{ name: 'memory', atMs: beganMs }]
      return { beganMs, endedMs, marks, sync: null, handoverMs: 0 }
    },
    observations: (sinceMs) => guest.observations(sinceMs),
    async end() {
      await guest.destroyOn(source.lab)
      // What was on its way is at the observer by then.
      await sleep(settledMs)
      return (await guest.check(source.lab, [device])).problems
    },
    close: async () => {},
  }
}

/** Sends as many bytes from one host's disk to the other's, by socat. Answers how long that took. */
export async function rawCopyOnXen(cluster: Cluster, bytes: number): Promise<number> {
  const [from, to] = [cluster.host('alpha1').lab, cluster.host('alpha2').lab]
  const [dense, copy, port] = ['/srv/images/bench-dense', '/srv/images/bench-copy', 7999]
  const options = { timeoutMs: commandTimeoutMs }
  await from.run(`head -c ${bytes} /dev/urandom > ${dense}`, options)
  const received = to.run(
    `socat -u -b 1048576 TCP-LISTEN:${port},reuseaddr CREATE:${copy}`,
    options,
  )
  const isListening = () => to.run(`ss -Hltn 'sport = :${port}'`).then((text) => text !== '')
  await waitUntil(isListening, { description: 'the receiver to listen', timeoutMs: 30_000 })
  const startedMs = performance.now()
  await from.run(`socat -u -b 1048576 OPEN:${dense} TCP:${to.address}:${port}`, options)
  await received
  const tookMs = performance.now() - startedMs
  await Promise.all([from.run(['rm', dense]), to.run(['rm', copy])])
  return tookMs
}

/** Bytes that are not zero, a mebibyte at a time with holes between. */
async function fill(
  { lab }: ClusterHost,
  device: string,
  { sizeBytes, allocatedBytes }: SparseDisk,
): Promise<void> {
  const count = allocatedBytes / MiB
  const stride = Math.floor((sizeBytes / MiB - firstMebibyte) / count)
  const places = `$(seq ${firstMebibyte} ${stride} ${firstMebibyte + stride * (count - 1)})`
  const one = `dd if=/dev/urandom of=${device} bs=1M count=1 seek=$at conv=notrunc oflag=direct status=none`
  await lab.run(`for at in ${places}; do ${one} || exit 1; done`, { timeoutMs: commandTimeoutMs })
}

/** How far a host's clock is ahead of ours. */
async function clockAheadMs({ lab }: ClusterHost): Promise<number> {
  const askedMs = Date.now()
  const there = Number(await lab.run('date +%s%3N'))
  return there - (askedMs + Date.now()) / 2
}

function onOurClock(moved: Moved, aheadMs: number): Moved {
  const { beganMs, endedMs, sync, marks } = moved
  return {
    ...moved,
    ...{ beganMs: beganMs - aheadMs, endedMs: endedMs - aheadMs },
    sync: sync && { beganMs: sync.beganMs - aheadMs, endedMs: sync.endedMs - aheadMs },
    marks: marks.map((mark) => ({ ...mark, atMs: mark.atMs - aheadMs })),
  }
}
