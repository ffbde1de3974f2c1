import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { execa } from 'execa'
import { beforeAll, expect, it } from 'vitest'
import { Cluster } from './cluster.ts'
import { allFormats, migrateThroughFormats } from './formats-matrix.ts'

/**
 * The contract suites of the ports, on the real tools of real hosts. Each program runs the cases of
 * test/contracts that also hold the simulated drivers, and ends with an error when one fails.
 */
let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.open()
})

it('volume stores: LVM, files and shared folders', async () => {
  const host = cluster.host('beta1').lab
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-contract-'))
  const outfile = join(folder, 'volume-stores.mjs')
  const entryPoints = [resolve(import.meta.dirname, 'volume-stores-real.ts')]
  await build({
    entryPoints,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: requireForModules },
  })
  await host.upload(outfile, '/run/volume-stores.mjs')
  await host.run('mkdir -p /srv/images/contract')
  const { exitCode, stdout, stderr } = await host.exec(
    'node /run/volume-stores.mjs vg0 /srv/images/contract',
    { timeoutMs: 500_000 },
  )
  await host.run('rm -r /srv/images/contract /run/volume-stores.mjs')
  await rm(folder, { recursive: true })
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toContain('all held')
})

it('block mapper, block replicator and datapath: device-mapper and DRBD', async () => {
  const program = resolve(import.meta.dirname, 'datapath-real.ts')
  const result = await execa(process.execPath, ['--import', 'tsx', program, 'alpha2', 'beta1'], {
    reject: false,
    all: true,
  })
  console.log(result.all)
  expect(result.exitCode, result.all).toBe(0)
})

it('DRBD replicates disks of every format into every other', async () => {
  const covered = await migrateThroughFormats(cluster, allFormats, [0, 1, 2, 3])
  expect(new Set(covered).size).toBe(16)
  console.log(covered.join('\n'))
})

const requireForModules =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
