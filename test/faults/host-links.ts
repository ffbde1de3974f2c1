import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { cacheEntry, hashOf } from '../lab/support/cache-entry.ts'
import type { HostPlan } from '../playground/playground-host.ts'
import { Relay } from './relay.ts'

/** Linux has all of 127/8. Every playground has ports of its own, so these may be the same for all. */
const addresses = { between: '127.0.77.1', inside: '127.0.77.2' } as const

/** The ways that calls, mirrors and memory take: between the hosts, and from each xapi to its sm. */
export class HostLinks {
  readonly between = new Relay(addresses.between)
  readonly inside = new Relay(addresses.inside)

  /** Lets the hosts of a playground use these ways. */
  async arrange(hosts: readonly HostPlan[], stage: number): Promise<readonly HostPlan[]> {
    const library = await ensureSteer()
    const plans = hosts.map((plan) => ({
      ...plan,
      mirrorPorts: portsOf(plan, stage, hosts.length),
    }))
    for (const { ports, mirrorPorts } of plans) {
      await this.inside.listen(ports.sm)
      await this.between.listen(ports.sm)
      await this.between.listen(ports.xapi)
      for (let port = mirrorPorts.from; port <= mirrorPorts.to; port += 1)
        await this.between.listen(port)
    }
    return plans.map((plan) => {
      const others = plans.filter((other) => other !== plan)
      const rules = others.flatMap(({ ports, mirrorPorts }) => [
        rule(ports.sm, ports.sm, addresses.between),
        rule(ports.xapi, ports.xapi, addresses.between),
        rule(mirrorPorts.from, mirrorPorts.to, addresses.between),
      ])
      const own = rule(plan.ports.sm, plan.ports.sm, addresses.inside)
      return {
        ...plan,
        environment: {
          LD_PRELOAD: library,
          CROSSPOOL_STEER: [...rules, own].join(';'),
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
