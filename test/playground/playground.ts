import { dirname, join } from 'node:path'
import { ensureGuest, type GuestFiles } from '../lab/guest/build-guest.ts'
import { Observer } from '../lab/network/observer.ts'
import { freePorts } from '../lab/support/free-ports.ts'
import { ensurePackages } from '../lab/support/packages.ts'
import { closeOnSignal } from './close-on-signal.ts'
import { ensureGuestKernel } from './guest-kernel.ts'
import { GuestNetwork } from './guest-network.ts'
import { PlaygroundGuest, type PlaygroundGuestOptions } from './playground-guest.ts'
import { type HostPlan, PlaygroundHost } from './playground-host.ts'
import { ensurePrograms } from './programs.ts'
import { makeRunDirectory, removeRunDirectory } from './run-directory.ts'

/** Debian packages that it starts programs of. */
export const playgroundPackages = ['qemu-system-x86', 'qemu-utils', 'gcc', 'libc6-dev'] as const

/** Below those that the system gives out; each playground has its own, so that two may run side by side. */
const mirrorPorts = { from: 20_000, perHost: 20, perPlayground: 40, playgrounds: 300 }

export interface PlaygroundOptions {
  readonly log?: (line: string) => void
  /** May change how the hosts are made, before they are. */
  readonly arrange?: (plans: readonly HostPlan[]) => Promise<readonly HostPlan[]>
}

/** Two pools of one host each on this machine, without root: pool alpha with alpha1, pool beta with beta1. */
export class Playground {
  readonly directory: string
  readonly hosts: readonly PlaygroundHost[]
  /** Where the programs of this checkout are. */
  readonly programs: string
  readonly #observer: Observer
  readonly #files: GuestFiles
  readonly #networks: GuestNetwork[] = []
  readonly #forgetSignals: () => void
  #closed: Promise<void> | undefined

  private constructor(
    directory: string,
    programs: string,
    hosts: readonly PlaygroundHost[],
    files: GuestFiles,
  ) {
    this.directory = directory
    this.programs = programs
    this.hosts = hosts
    this.#files = files
    this.#observer = new Observer()
    this.#forgetSignals = closeOnSignal(() => this.close())
  }

  static async open({
    log = () => {},
    arrange = async (plans) => plans,
  }: PlaygroundOptions = {}): Promise<Playground> {
    await ensurePackages(log, playgroundPackages)
    const [programs, files] = await Promise.all([
      ensurePrograms(),
      ensureGuestKernel(log).then(ensureGuest),
    ])
    const directory = await makeRunDirectory(log)
    const plans = await arrange(await planHosts(directory, programs, files))
    const hosts = plans.map((plan) => new PlaygroundHost(plan))
    const playground = new Playground(directory, programs, hosts, files)
    try {
      await playground.#start()
      return playground
    } catch (error) {
      await playground.close()
      throw error
    }
  }

  host(name: string): PlaygroundHost {
    const host = this.hosts.find((candidate) => candidate.name === name)
    if (!host) throw new Error(`the playground has no host ${name}`)
    return host
  }

  guest(options: PlaygroundGuestOptions): PlaygroundGuest {
    return new PlaygroundGuest(options, this.#files, this.#observer)
  }

  /** Ends everything, in order as far as that goes, and removes all that it has made. Ctrl-C does that, too. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await Promise.all(this.hosts.map(closeHost))
    for (const network of this.#networks) network.close()
    await removeRunDirectory(this.directory)
    this.#forgetSignals()
  }

  async #start(): Promise<void> {
    for (const host of this.hosts) {
      await host.prepare()
      this.#networks.push(await GuestNetwork.open(host.name, host.networkSocket, this.#observer))
      host.startDaemons()
    }
    await Promise.all(this.hosts.map((host) => host.waitUntilAnswering()))
    await Promise.all(this.hosts.map((host) => host.createSrs()))
    for (const [index, host] of this.hosts.entries())
      for (const other of this.hosts.slice(index + 1)) await host.join(other)
  }
}

/** What cannot be ended in order, as after a failure, ends with the folder. */
async function closeHost(host: PlaygroundHost): Promise<void> {
  const vms = await host.toolstack.listVms().catch(() => [])
  for (const { id } of vms) await host.toolstack.destroyVm({ params: { vm: id } }).catch(() => {})
  await host.stopDaemons()
}

async function planHosts(
  directory: string,
  programs: string,
  files: GuestFiles,
): Promise<readonly HostPlan[]> {
  const names = [
    { pool: 'alpha', name: 'alpha1' },
    { pool: 'beta', name: 'beta1' },
  ]
  const ports = await freePorts(names.length * 2)
  const playground = process.pid % mirrorPorts.playgrounds
  const firstMirrorPort = mirrorPorts.from + playground * mirrorPorts.perPlayground
  const kernelDirectories = [dirname(files.kernel), dirname(files.initramfs)]
  return names.map((host, index) => {
    const [sm = 0, xapi = 0] = ports.slice(index * 2)
    const from = firstMirrorPort + index * mirrorPorts.perHost
    return {
      ...{ ...host, programs, kernelDirectories, ports: { sm, xapi } },
      directory: join(directory, host.name),
      mirrorPorts: { from, to: from + mirrorPorts.perHost - 1 },
    }
  })
}
