import { readdir } from 'node:fs/promises'
import type { Playground } from './playground.ts'
import { type PlaygroundHost, srNames } from './playground-host.ts'
import { processesOf } from './run-directory.ts'

/** What a host has of things that migrations make: two of these are compared to show that nothing is left behind. */
export interface Traces {
  readonly images: readonly string[]
  readonly runtimeFiles: readonly string[]
  readonly processes: readonly string[]
  readonly vms: readonly string[]
  readonly replications: readonly string[]
  readonly receivers: readonly string[]
  readonly leftovers: readonly string[]
}

export async function tracesOf(playground: Playground): Promise<readonly Traces[]> {
  return await Promise.all(playground.hosts.map(tracesOfHost))
}

/** Reads the machine itself, and only last what our own daemons say. */
async function tracesOfHost(host: PlaygroundHost): Promise<Traces> {
  const images = await Promise.all(srNames.map((name) => readdir(host.srDirectory(name))))
  const runtimeFiles = await readdir(host.runtimeDirectory, { recursive: true })
  const processes = (await processesOf(host.plan.directory)).map(({ command }) => command)
  const receivers = await host.toolstack.listReceivers()
  const leftovers = await host.storage.leftovers()
  return {
    images: images.flat().sort(),
    // The folders that everything of a kind lies in come with the first of them, and stay.
    runtimeFiles: runtimeFiles.filter((path) => path.includes('/')).sort(),
    processes: processes.filter((command) => !/ --config \S+$/.test(command)).sort(),
    vms: (await host.toolstack.listVms()).map(({ name, state }) => `${name} ${state}`),
    replications: (await host.storage.listReplications()).map(({ id }) => id),
    receivers: receivers
      .filter(({ state }) => state !== 'closed' && state !== 'aborted')
      .map(({ id, state }) => `${id} ${state}`),
    leftovers: leftovers
      .filter(({ reason }) => reason === null)
      .map(({ kind, name }) => `${kind} ${name}`),
  }
}
