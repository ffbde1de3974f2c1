/**
 * Runs the contract of the hypervisors on two hosts of a running lab, with the real xl, and what
 * only real hosts can show; prints what was measured. Start it with
 * `tsx test/e2e/hypervisor-real.ts SOURCE DESTINATION [PART OF A CASE'S NAME]`; with
 * HOTPLUG_DIRECTORY=/var/lib/... in the environment the quick hotplug scripts are used.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { hypervisorCases } from '../contracts/hypervisor.cases.ts'
import { channelArguments } from '../lab/host/ssh.ts'
import {
  attachLab,
  defaultLabName,
  type Lab,
  type LabHost,
  lifeProblems,
  TestGuest,
} from '../lab/index.ts'
import { runPaths } from '../lab/support/paths.ts'
import { startHypervisorProxy } from './hypervisor-proxy.ts'
import { type RealFixture, realHostCases } from './hypervisor-real.cases.ts'

// Empty: Xen's own scripts.
const hotplugDirectory = process.env.HOTPLUG_DIRECTORY ?? ''
const agentPath = '/run/crosspool-hypervisor-test.mjs'

async function main(sourceName = 'alpha1', destinationName = 'alpha2', part = ''): Promise<void> {
  const lab = await attachLab()
  assert(lab, 'no lab is running')
  const hosts = [lab.host(sourceName), lab.host(destinationName)] as const
  await Promise.all(hosts.map(uploadAgent))
  const cases = [...hypervisorCases, ...realHostCases].filter(({ name }) => name.includes(part))
  let failed = 0
  for (const [index, { name, run }] of cases.entries()) {
    const fixture = makeFixture(lab, hosts, 180 + (index % 20))
    const startedMs = performance.now()
    try {
      await run(fixture)
      await fixture.dispose()
      console.log(`passed  ${name} (${Math.round((performance.now() - startedMs) / 1000)} s)`)
    } catch (error) {
      failed += 1
      console.log(`FAILED  ${name}`)
      console.log(error)
      await fixture.dispose().catch((second: unknown) => console.log(second))
    }
    const slow = [...fixture.source.timings, ...fixture.destination.timings]
    console.log(`        ${slow.map(({ call, tookMs }) => `${call} ${tookMs}`).join(', ')} ms`)
  }
  console.log(`${cases.length - failed} of ${cases.length} passed`)
  process.exitCode = failed === 0 ? 0 : 1
}

async function uploadAgent(host: LabHost): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-agent-'))
  const outfile = join(folder, 'agent.mjs')
  const entryPoints = [join(import.meta.dirname, 'hypervisor-agent.ts')]
  const banner = { js: "import{createRequire}from'node:module';const require=createRequire('/')" }
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', banner })
  await host.upload(outfile, agentPath)
  await rm(folder, { recursive: true })
}

function makeFixture(
  lab: Lab,
  [sourceHost, destinationHost]: readonly [LabHost, LabHost],
  number: number,
): RealFixture {
  const start = (host: LabHost) => startHypervisorProxy('ssh', agentArguments(host), 'xen')
  let source = start(sourceHost)
  const destination = start(destinationHost)
  const name = `hx-${systemRandom.hex(2)}`
  const guest = new TestGuest(lab, { name, disks: [], number })

  return {
    get source() {
      return source
    },
    destination,
    sourceHost,
    destinationHost,
    guest: () => guest,
    restartSource() {
      source = start(sourceHost)
      return source
    },
    async addVm() {
      await guest.startOn(sourceHost)
      await guest.waitUntilOn(sourceHost)
      const vm = (await source.list()).find((one) => one.name === name)
      assert(vm, `${name} is not listed`)
      return vm.id
    },
    async connect() {
      const { stream, port } = await destination.listen()
      return { source: await source.connect(destinationHost.address, port), destination: stream }
    },
    async dispose() {
      const problems = lifeProblems(await guest.observations())
      await Promise.all([source.crash(), destination.crash()])
      for (const host of [sourceHost, destinationHost]) {
        await host.exec(`for n in ${name} ${name}--incoming ${name}--migratedaway
          do xl destroy $n; done 2>/dev/null; rm -f /etc/xen/${name}.cfg`)
        const { stdout } = await host.exec(`xl list | grep ${name}; pgrep -af 'xl migrate'`)
        assert.equal(stdout, '', `left behind on ${host.name}`)
      }
      assert.deepEqual(problems, [])
    },
  }
}

function agentArguments(host: LabHost): readonly string[] {
  const controlSocket = runPaths(defaultLabName).sshSocket(host.name)
  return channelArguments(
    { port: 0, privateKey: '', controlSocket },
    `node ${agentPath} ${hotplugDirectory}`,
  )
}

await main(...process.argv.slice(2))
