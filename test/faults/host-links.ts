import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { ensureIdentity } from '../../src/drivers/identity-openssl/index.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import type { Identity } from '../../src/lib/identity.ts'
import { cacheEntry, hashOf } from '../lab/support/cache-entry.ts'
import type { HostPlan } from '../playground/playground-host.ts'
import { Relay } from './relay.ts'

/** Linux has all of 127/8. Every playground has ports of its own, so this may be the same for all. */
const address = '127.0.77.1'

/** The ways that calls, mirrors and memory take: between the hosts, and from each xapi to its sm. */
export class HostLinks {
  readonly between = new Relay(address)
  readonly inside = new Relay(address)

  /** Lets the hosts of a playground use these ways. */
  async arrange(hosts: readonly HostPlan[], stage: number): Promise<readonly HostPlan[]> {
    const library = await ensureSteer()
    const plans = hosts.map((plan) => ({
      ...plan,
      mirrorPorts: portsOf(plan, stage, hosts.length),
    }))
    for (const plan of plans) {
      const { directory, ports, mirrorPorts } = plan
      await mkdir(join(directory, 'run'), { recursive: true })
      await this.inside.listenOnSocket(ports.sm, insideOf(plan), join(directory, 'run/sm.sock'))
      await this.between.listen(ports.sm)
      const [other] = plans.filter((candidate) => candidate !== plan)
      if (!other) throw new Error('there are two hosts')
      const masks = { server: () => identityOf(plan), client: () => identityOf(other) }
      await this.between.listen(ports.xapi, masks)
      for (let port = mirrorPorts.from; port <= mirrorPorts.to; port += 1)
        await this.between.listen(port)
    }
    return plans.map((plan) => {
      const others = plans.filter((other) => other !== plan)
      const rules = others.flatMap(({ ports, mirrorPorts }) => [
        rule(ports.sm, ports.sm, address),
        rule(ports.xapi, ports.xapi, address),
        rule(mirrorPorts.from, mirrorPorts.to, address),
      ])
      return {
        ...{ ...plan, storageManager: insideOf(plan) },
        environment: {
          LD_PRELOAD: library,
          CROSSPOOL_STEER: rules.join(';'),
          CROSSPOOL_FULL: fullFlag(plan),
        },
      }
    })
  }

  close(): void {
    this.between.close()
    this.inside.close()
  }
}

/** While this file exists, nothing more has room on the host's disks. */
export function fullFlag({ directory }: HostPlan): string {
  return join(directory, 'full')
}

/** Where an xapi is told that its sm is. */
function insideOf({ directory }: HostPlan): string {
  return join(directory, 'inside.sock')
}

/** Its xapi has made it by the time that anybody connects. */
function identityOf({ directory }: HostPlan): Promise<Identity> {
  return ensureIdentity(systemCommandRunner, join(directory, 'state/xapi/identity'))
}

/** Stages of one process do not share theirs. */
function portsOf({ mirrorPorts: { from, to } }: HostPlan, stage: number, hosts: number) {
  const offset = stage * hosts * (to - from + 1)
  return { from: from + offset, to: to + offset }
}

function rule(from: number, to: number, address: string): string {
  return `${from}-${to}=${address}`
}

async function ensureSteer(): Promise<string> {
  const source = join(import.meta.dirname, 'steer.c')
  const key = await hashOf([], [await readFile(source, 'utf8'), process.arch])
  const folder = await cacheEntry('steer', key, async (directory) => {
    const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC']
    const output = join(directory, 'steer.so')
    await execa('gcc', [...flags, '-o', output, source, '-ldl'], { timeout: 60_000 })
  })
  return join(folder, 'steer.so')
}
