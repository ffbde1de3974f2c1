import { beforeAll, expect, it } from 'vitest'
import { Cluster } from './cluster.ts'
import { migrateThroughFormats } from './formats-matrix.ts'
import { tracesOf } from './traces.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.open()
})

/** The other turns are in contracts.long.ts: each takes minutes under emulation. */
it('DRBD replicates disks of any format: LV, raw, qcow2 and VHD each become another', async () => {
  const hosts = ['alpha1', 'beta1'].map((name) => cluster.host(name))
  const before = await Promise.all(hosts.map(tracesOf))
  const covered = await migrateThroughFormats(cluster, [1])
  expect(covered).toEqual(['local to files', 'files to qcow2', 'qcow2 to vhd', 'vhd to local'])
  expect(await Promise.all(hosts.map(tracesOf))).toEqual(before)
})
