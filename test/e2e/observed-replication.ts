import { MiB } from '../../src/lib/units.ts'
import type { Replication } from '../../src/model/replication.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import type { ClusterHost } from './cluster.ts'
import { listenWhile } from './wire.ts'

/** What every sector of the disk holds, many times. */
const pattern = 'no-stranger-may-read-this'

export interface Observed {
  readonly replication: Replication
  /** How often the disk's content was seen on the wire, and how many bytes were on it at all. */
  readonly seenPatterns: number
  readonly wireBytes: number
}

/** A disk full of the pattern, mirrored from `source` to `target`, which `during` may look at before it ends. */
export async function replicatePattern<Result>(
  [source, target]: readonly [ClusterHost, ClusterHost],
  sizeMib: number,
  during: (replication: Replication, syncMs: number) => Promise<Result>,
): Promise<Result> {
  const disk = await source.newDisk('local', 'pattern', sizeMib * MiB)
  const fill = `dd of=${disk.device} bs=1M count=${sizeMib} iflag=fullblock oflag=direct status=none`
  await source.lab.run(`yes ${pattern} | ${fill}`, { timeoutMs: 120_000 })
  const { id } = await target.storage.createVdi({
    ...{ sr: await target.sr('local'), name: 'pattern', sizeBytes: sizeMib * MiB },
  })
  const { replicationSchemes } = await source.storage.facts()
  const { uri, replication } = await target.storage.getReplicationTarget(id, replicationSchemes)
  await source.storage.replicateTo(disk.vdi, uri)
  const startedMs = performance.now()
  const synced = async () => (await source.storage.getReplication(replication)).state === 'synced'
  await waitUntil(synced, { description: 'the sync', timeoutMs: 300_000, intervalMs: 250 })
  const syncMs = Math.round(performance.now() - startedMs)
  try {
    return await during(await source.storage.getReplication(replication), syncMs)
  } finally {
    await source.storage.stopReplication(replication, 'volume')
    await target.storage.stopReplication(replication, 'volume')
    await source.removeDisk(disk.vdi)
    await target.removeDisk(id)
  }
}

/** As `replicatePattern`, with tcpdump on the network card of the source. */
export async function observeReplication(
  hosts: readonly [ClusterHost, ClusterHost],
  sizeMib: number,
  during: (replication: Replication) => Promise<void> = async () => {},
): Promise<Observed> {
  const { result, wire } = await listenWhile(hosts, [pattern], () =>
    replicatePattern(hosts, sizeMib, async (synced) => {
      await during(synced)
      return synced
    }),
  )
  return { replication: result, wireBytes: wire.bytes, seenPatterns: wire.seen[0] ?? 0 }
}
