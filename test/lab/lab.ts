import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LabImage } from './image/build-image.ts'
import { LabHost } from './lab-host.ts'
import { LabLink } from './lab-link.ts'
import type { Observation } from './network/guest-report.ts'
import { cleanUpAfter } from './supervisor/clean-up.ts'
import { type AskLab, labClient } from './supervisor/client.ts'
import type { GuestSummary, LabStatus } from './supervisor/operations.ts'
import { loadState } from './supervisor/state.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { type RunPaths, runPaths } from './support/paths.ts'
import { isRunning } from './support/processes.ts'
import { readFrom } from './support/read-from.ts'
import { spawnLogged } from './support/spawn-logged.ts'
import { waitUntil } from './support/wait-until.ts'
import { type Topology, topologies } from './topology.ts'

/** CROSSPOOL_LAB names another one, for who wants two side by side. */
export const defaultLabName = process.env.CROSSPOOL_LAB ?? 'default'

/** A running lab, controlled through its supervisor: in this process, or in another one that stays. */
export class Lab {
  readonly name: string
  readonly hosts: readonly LabHost[]
  readonly topology: Topology
  readonly image: LabImage
  readonly #ask: AskLab
  readonly #paths: RunPaths

  constructor(status: LabStatus, ask: AskLab, paths: RunPaths) {
    this.name = status.name
    this.topology = status.topology
    this.#ask = ask
    this.#paths = paths
    this.image = status.image
    const { privateKey } = status.image
    this.hosts = status.hosts.map((host) => new LabHost({ status: host, privateKey, ask, paths }))
  }

  host(name: string): LabHost {
    const host = this.hosts.find((candidate) => candidate.name === name)
    if (!host) throw new Error(`the lab has no host ${name}`)
    return host
  }

  status(): Promise<LabStatus> {
    return this.#ask('status', {})
  }

  async waitUntilUp(timeoutMs = 420_000): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.waitUntilUp(timeoutMs)))
  }

  /** The link of a host to the data network. */
  link(host: string): LabLink {
    return new LabLink({ host }, this.#ask)
  }

  /** The path between two hosts. */
  between(first: string, second: string): LabLink {
    return new LabLink({ between: [first, second] }, this.#ask)
  }

  /** Makes every link healthy. */
  healAll(): Promise<null> {
    return this.#ask('heal', {})
  }

  /** Test guests that have been heard of. */
  guests(): Promise<readonly GuestSummary[]> {
    return this.#ask('guests', {})
  }

  /** What a test guest has reported, as seen from outside. */
  observations(guest: string, sinceMs = 0): Promise<readonly Observation[]> {
    return this.#ask('observations', { guest, sinceMs }, 60_000)
  }

  /** Before a new guest takes the name of an older one. */
  forgetGuest(guest: string): Promise<null> {
    return this.#ask('forgetGuest', { guest })
  }

  /** Ends the lab, wherever its supervisor runs. The disks stay for the next start. */
  async down(): Promise<void> {
    const state = await loadState(this.#paths)
    await this.#ask('down', {})
    await waitUntil(() => !state?.machines.some(isRunning), {
      description: `the hosts of lab ${this.name} to end`,
      timeoutMs: 20_000,
    })
  }
}

/** The running lab of this name, or undefined. */
export async function attachLab(name = defaultLabName): Promise<Lab | undefined> {
  const paths = runPaths(name)
  const ask = labClient(paths.controlSocket)
  const status = await ask('status', {}, 5000).catch(() => undefined)
  return status && new Lab(status, ask, paths)
}

export interface StartOptions {
  readonly name?: string
  readonly topology?: Topology | string
  /** Throw the disks of an earlier run away. */
  readonly isFresh?: boolean
  readonly log?: (line: string) => void
}

export function findTopology(topology: Topology | string | undefined): Topology {
  if (topology !== undefined && typeof topology !== 'string') return topology
  const found = topologies[topology ?? 'pools']
  if (!found)
    throw new Error(`no topology ${topology}; there is ${Object.keys(topologies).join(', ')}`)
  return found
}

/** Starts a lab that ends with this process. Returns when its hosts are booting: see `waitUntilUp`. */
export async function startLab(options: StartOptions = {}): Promise<Lab> {
  const name = options.name ?? defaultLabName
  const supervisor = new Supervisor({
    name,
    topology: findTopology(options.topology),
    isFresh: options.isFresh ?? true,
    log: options.log ?? (() => undefined),
  })
  await supervisor.start()
  const lab = await attachLab(name)
  if (!lab) throw new Error(`lab ${name} has started but does not answer`)
  return lab
}

/** Starts a lab in a process of its own that stays when this one ends. */
export async function startDetachedLab(
  options: StartOptions & { topology?: string },
): Promise<Lab> {
  const name = options.name ?? defaultLabName
  const paths = runPaths(name)
  const program = [import.meta.resolve('tsx'), `${import.meta.dirname}/main.ts`, 'supervise']
  const flags = ['--name', name, '--topology', options.topology ?? 'pools']
  if (options.isFresh) flags.push('--fresh')
  await mkdir(dirname(paths.supervisorLog), { recursive: true })
  await rm(paths.supervisorLog, { force: true })
  const supervisor = spawnLogged(
    [process.execPath, '--import', ...program, ...flags],
    paths.supervisorLog,
    { isDetached: true },
  )
  let hasEnded = false
  void supervisor.ended.then(() => {
    hasEnded = true
  })
  const lab = await waitUntil(async () => (await attachLab(name)) ?? (hasEnded && 'ended'), {
    description: `lab ${name} to start (see ${paths.supervisorLog})`,
    timeoutMs: 1_200_000,
  })
  if (lab === 'ended') {
    throw new Error(`lab ${name} did not start:\n${await readFrom(paths.supervisorLog, 0)}`)
  }
  return lab
}

/** Ends a lab also when its supervisor is dead or does not answer. */
export async function endLab(name = defaultLabName): Promise<void> {
  const lab = await attachLab(name)
  if (lab) await lab.down()
  else await cleanUpAfter(runPaths(name))
}
