/**
 * Runs the contracts of block mapper, block replicator and datapath on two hosts of a running lab,
 * with the real dmsetup, DRBD and LVM, and prints what was measured. Start it with
 * `tsx test/e2e/datapath-real.ts SOURCE TARGET [PART OF A CASE'S NAME]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { type BlockMapperFixture, blockMapperCases } from '../contracts/block-mapper.cases.ts'
import { blockReplicatorCases } from '../contracts/block-replicator.cases.ts'
import type {
  BlockReplicatorFixture,
  ReplicatorHost,
} from '../contracts/block-replicator.fixture.ts'
import type { ContractCase, Disposable } from '../contracts/contract.ts'
import { datapathCases } from '../contracts/datapath.cases.ts'
import type { DatapathFixture, DatapathHost } from '../contracts/datapath.fixture.ts'
import {
  type LinkHost,
  type SecureLinkFixture,
  secureLinkCases,
} from '../contracts/secure-link.cases.ts'
import { channelArguments, shellQuote } from '../lab/host/ssh.ts'
import { attachLab, defaultLabName, type LabHost } from '../lab/index.ts'
import { runPaths } from '../lab/support/paths.ts'
import type { AgentOptions } from './datapath-agent.ts'
import { type DatapathProxy, startDatapathProxy } from './datapath-proxy.ts'

const agentPath = '/run/crosspool-datapath-test.mjs'
const deadlineMs = 60_000

export interface DatapathRun {
  readonly passed: number
  readonly failed: readonly string[]
}

/** One fixture for each case; whatever a case leaves behind makes it fail. */
export async function runDatapathContracts(
  hosts: readonly [LabHost, LabHost],
  part = '',
): Promise<DatapathRun> {
  await Promise.all(hosts.map(uploadAgent))
  // One for both: a mirror has the same name on either host, and all of it is found by that.
  const prefix = `dp${systemRandom.hex(2)}`
  const sides = [startSide(hosts[0], prefix, 0), startSide(hosts[1], prefix, 1)] as const
  const failed: string[] = []
  let passed = 0
  async function runAll<Fixture extends Disposable>(
    subject: string,
    cases: readonly ContractCase<Fixture>[],
    makeFixture: (sides: readonly [Side, Side]) => Fixture,
  ): Promise<void> {
    for (const { name, run } of cases.filter((each) => `${subject} ${each.name}`.includes(part))) {
      const fixture = makeFixture(sides)
      const startedMs = performance.now()
      const problem = await run(fixture)
        .then(() => null)
        .catch((error: unknown) => error)
      const left = await cleanUp(sides)
        .then(() => null)
        .catch((error: unknown) => error)
      const tookSeconds = Math.round((performance.now() - startedMs) / 1000)
      if (problem === null && left === null) passed += 1
      else failed.push(`${subject}: ${name}`)
      console.log(
        `${(problem ?? left) ? 'FAILED' : 'passed'}  ${subject}: ${name} (${tookSeconds} s)`,
      )
      for (const each of [problem, left]) if (each !== null) console.log(each)
      for (const side of sides) report(side)
      for (const { proxy } of sides) proxy.forgetTimings()
    }
  }
  await runAll('block mapper', blockMapperCases, mapperFixture)
  await runAll('block replicator', blockReplicatorCases, replicatorFixture)
  await runAll('secure link', secureLinkCases, linkFixture)
  await runAll('datapath', datapathCases, datapathFixture)
  await Promise.all(sides.map(endSide))
  return { passed, failed }
}

interface Side {
  readonly host: LabHost
  readonly prefix: string
  readonly proxy: DatapathProxy
}

function startSide(host: LabHost, prefix: string, index: number): Side {
  const options: AgentOptions = {
    prefix,
    volumeGroup: 'vg0',
    address: host.address,
    stateDirectory: `/var/lib/crosspool-datapath-test/${prefix}`,
    minors: { from: 1800 + index * 50, to: 1849 + index * 50 },
    ports: { from: 7840, to: 7859 },
  }
  const controlSocket = runPaths(defaultLabName).sshSocket(host.name)
  const command = `UV_THREADPOOL_SIZE=16 node ${agentPath} ${shellQuote(JSON.stringify(options))}`
  const args = channelArguments({ port: 0, privateKey: '', controlSocket }, command)
  return { host, prefix, proxy: startDatapathProxy('ssh', args) }
}

async function endSide({ proxy, host, prefix }: Side): Promise<void> {
  await proxy.end()
  await host.run(`rm -rf /var/lib/crosspool-datapath-test/${prefix} ${agentPath}`)
}

function mapperFixture([{ proxy, prefix }]: readonly [Side, Side]): BlockMapperFixture {
  return {
    mapper: proxy.mapper,
    prefix: `crosspool-${prefix}-`,
    volume: (sizeBytes) => proxy.disks.makeLoop(sizeBytes),
    ...input(proxy),
    pause: () => setTimeout(500),
    dispose: async () => {},
  }
}

function replicatorFixture(sides: readonly [Side, Side]): BlockReplicatorFixture {
  const host = ({ proxy }: Side): ReplicatorHost => ({
    replicator: proxy.replicator,
    ...input(proxy),
    async makeDisk(sizeBytes) {
      const { deviceBytes, metadataBytes } = proxy.replicator
      return {
        device: await proxy.disks.makeLoop(deviceBytes(sizeBytes)),
        metadataDevice: await proxy.disks.makeLoop(metadataBytes(sizeBytes)),
      }
    },
  })
  let names = 0
  return {
    hosts: [host(sides[0]), host(sides[1])],
    newName() {
      names += 1
      return `crosspool-${sides[0].prefix}-${names}`
    },
    deadlineMs,
    ...link(sides),
    dispose: async () => {},
  }
}

function datapathFixture(sides: readonly [Side, Side]): DatapathFixture {
  let ids = 0
  const newId = () => {
    ids += 1
    return `${sides[0].prefix}-${ids}`
  }
  const host = ({ proxy }: Side): DatapathHost => {
    const newDisk = async (sizeBytes: number) => ({
      vdi: `${newId()}-vdi`,
      sizeBytes,
      volumePath: await proxy.disks.makeVolume(sizeBytes),
      format: 'raw' as const,
      adopted: null,
    })
    return {
      datapath: proxy.datapath,
      ...input(proxy),
      restart: () => proxy.restart(),
      makeDisk: newDisk,
      async makeAdoptable(sizeBytes) {
        const disk = await newDisk(sizeBytes)
        return { disk, device: disk.volumePath }
      },
      tableOf: (device) => proxy.disks.tableOf(device),
    }
  }
  return {
    source: host(sides[0]),
    target: host(sides[1]),
    newId,
    deadlineMs,
    ...link(sides),
    pause: () => setTimeout(500),
    dispose: async () => {},
  }
}

function linkFixture(sides: readonly [Side, Side]): SecureLinkFixture {
  const host = ({ proxy, host: lab }: Side): LinkHost => ({
    links: proxy.links,
    address: lab.address,
    restart: () => proxy.restart(),
    async reaches(address) {
      const command = ['ping', '-6', '-c', '1', '-W', '5', address]
      return (await lab.exec(command)).exitCode === 0
    },
  })
  let names = 0
  return {
    hosts: [host(sides[0]), host(sides[1])],
    newName() {
      names += 1
      return `crosspool-${sides[0].prefix}-${names}`
    },
    dispose: async () => {},
  }
}

function input({ disks }: DatapathProxy) {
  return {
    write: (path: string, sector: number, text: string) => disks.write(path, sector, text),
    read: (path: string, sector: number) => disks.read(path, sector),
    async hold(path: string) {
      const handle = await disks.hold(path)
      return () => disks.letGo(handle)
    },
  }
}

function link([{ proxy }]: readonly [Side, Side]) {
  return {
    cutLink: () => proxy.disks.setLink(false),
    mendLink: () => proxy.disks.setLink(true),
  }
}

/** Removes everything of the case, in whatever state it is. */
async function cleanUp(sides: readonly [Side, Side]): Promise<void> {
  // Nothing of ours stays suspended, whatever has failed.
  for (const { proxy, host, prefix } of sides) {
    await proxy.disks.setLink(true)
    await host.exec(`for n in $(dmsetup info -c --noheadings -o name | grep ${prefix}); do
      dmsetup clear $n; dmsetup resume --noudevsync $n; done`)
  }
  for (const { proxy, host, prefix } of sides) {
    await proxy.takeDownAll()
    await proxy.disks.remove()
    const { stdout } = await host.exec(
      `dmsetup info -c --noheadings -o name | grep ${prefix}; losetup -l | grep ${prefix}; lvs | grep ${prefix}`,
    )
    if (stdout !== '') throw new Error(`left behind on ${host.name}:\n${stdout}`)
  }
}

function report({ host, proxy }: Side): void {
  const interesting = proxy.timings.filter(({ call }) => /^(datapath|replicator)/.test(call))
  for (const { call, tookMs, commands } of interesting) {
    if (!/release|reclaim|take|arm|start|accept|close/.test(call)) continue
    const each = commands.map(({ command, tookMs: took }) => `${command.slice(0, 60)} ${took}`)
    console.log(`        ${host.name} ${call} ${tookMs} ms: ${each.join('; ')}`)
  }
}

async function uploadAgent(host: LabHost): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-agent-'))
  const outfile = join(folder, 'agent.mjs')
  const entryPoints = [join(import.meta.dirname, 'datapath-agent.ts')]
  const banner = { js: "import{createRequire}from'node:module';const require=createRequire('/')" }
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', banner })
  await host.upload(outfile, agentPath)
  await rm(folder, { recursive: true })
}

if (import.meta.filename === process.argv[1]) {
  const [sourceName = 'alpha2', targetName = 'beta1', part] = process.argv.slice(2)
  const lab = await attachLab()
  if (!lab) throw new Error('no lab is running')
  const { passed, failed } = await runDatapathContracts(
    [lab.host(sourceName), lab.host(targetName)],
    part,
  )
  console.log(`${passed} of ${passed + failed.length} passed`)
  for (const name of failed) console.log(`failed: ${name}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}
