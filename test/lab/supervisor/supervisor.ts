import { mkdir, rm } from 'node:fs/promises'
import { ensureImage, type LabImage } from '../image/build-image.ts'
import { Observer } from '../network/observer.ts'
import { EthernetSwitch } from '../network/switch.ts'
import { hashOf } from '../support/cache-entry.ts'
import { freePorts } from '../support/free-ports.ts'
import { ensurePackages } from '../support/packages.ts'
import { type RunPaths, runPaths } from '../support/paths.ts'
import { identifyProcess, isRunning } from '../support/processes.ts'
import { hostNetwork, type Topology } from '../topology.ts'
import { cleanUpAfter } from './clean-up.ts'
import { HostMachine } from './host-machine.ts'
import type { HostStatus, LabStatus, Operations, Parameters } from './operations.ts'
import { type ControlServer, serveOperations } from './server.ts'
import { loadState, saveState } from './state.ts'

export interface SupervisorOptions {
  readonly name: string
  readonly topology: Topology
  /** Throws the disks of an earlier run away. */
  readonly isFresh: boolean
  readonly log: (line: string) => void
}

/** Holds everything of one running lab: the switch, the hosts' QEMU processes, and the socket to control them by. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #paths: RunPaths
  readonly #observer = new Observer()
  readonly #switch: EthernetSwitch
  #machines: HostMachine[] = []
  #image: LabImage | undefined
  #disksKey = ''
  #server: ControlServer | undefined
  readonly ended: Promise<void>
  #markEnded: () => void = () => undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#paths = runPaths(options.name)
    this.#switch = new EthernetSwitch((frame, port) => this.#observer.see(frame, port))
    this.ended = new Promise((done) => {
      this.#markEnded = done
    })
  }

  /** Returns as soon as the lab can be controlled; the hosts then go on booting, side by side. */
  async start(): Promise<void> {
    const { name, topology, log } = this.#options
    const earlier = await loadState(this.#paths)
    if (earlier && isRunning(earlier.supervisor)) {
      throw new Error(
        `lab ${name} is already running (supervisor is process ${earlier.supervisor.pid})`,
      )
    }
    await cleanUpAfter(this.#paths, earlier)
    await ensurePackages(log)
    const image = await ensureImage(log)
    this.#image = image
    this.#disksKey = await hashOf([], [image.key, JSON.stringify(topology)])
    if (this.#options.isFresh || earlier?.disksKey !== this.#disksKey) {
      await rm(this.#paths.directory, { recursive: true, force: true })
    }
    await mkdir(this.#paths.directory, { recursive: true })
    await mkdir(this.#paths.sockets, { recursive: true, mode: 0o700 })
    await this.#makeMachines(image)
    for (const machine of this.#machines) await machine.start()
    await this.#save()
    this.#server = await serveOperations(this.#paths.controlSocket, this.#operations(), log)
    log(`lab ${name} can be controlled`)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.powerCut()))
    this.#switch.close()
    await this.#server?.close()
    await rm(this.#paths.sockets, { recursive: true, force: true })
    this.#markEnded()
  }

  async #makeMachines(image: LabImage): Promise<void> {
    const { topology, log } = this.#options
    const ports = await freePorts(topology.hosts.length * 3)
    const nextPort = (): number => ports.pop() ?? 0
    for (const [index, specification] of topology.hosts.entries()) {
      const hostPorts = { ssh: nextPort(), sm: nextPort(), xapi: nextPort() }
      const plan = { specification, index, ports: hostPorts, topology, image, paths: this.#paths }
      this.#machines.push(new HostMachine(plan, log))
      await this.#switch.addPort(specification.name, this.#paths.networkSocket(specification.name))
    }
  }

  #save(): Promise<void> {
    const supervisor = identifyProcess(process.pid)
    if (!supervisor) throw new Error('this process is not in /proc')
    const machines = this.#machines.flatMap(({ process }) => (process ? [process] : []))
    return saveState(this.#paths, { supervisor, machines, disksKey: this.#disksKey })
  }

  #operations(): Operations {
    return {
      status: () => this.#status(),
      start: async ({ host }) => {
        await this.#machine(host).start()
        await this.#save()
        return null
      },
      powerCut: async ({ host }) => {
        await this.#machine(host).powerCut()
        await this.#save()
        return null
      },
      reboot: async ({ host }) => {
        await this.#machine(host).reboot()
        return null
      },
      shape: (parameters) => this.#shape(parameters),
      heal: (parameters) => this.#heal(parameters),
      guests: () => this.#observer.guests(),
      observations: ({ guest, sinceMs }) => this.#observer.observations(guest, sinceMs),
      forgetGuest: ({ guest }) => {
        this.#observer.forget(guest)
        return null
      },
      down: () => {
        // The answer has to get out before the server closes.
        setTimeout(() => void this.stop(), 50)
        return null
      },
    }
  }

  async #shape({ target, direction, change, hasCarrier }: Parameters<'shape'>): Promise<null> {
    const given = Object.entries(change).filter(([, value]) => value !== undefined)
    this.#switch.shape(target, direction, Object.fromEntries(given))
    if (hasCarrier !== undefined && 'host' in target) {
      await this.#machine(target.host).setCarrier(hasCarrier)
    }
    return null
  }

  async #heal({ target }: Parameters<'heal'>): Promise<null> {
    this.#switch.heal(target)
    const hosts = target
      ? 'host' in target
        ? [target.host]
        : []
      : this.#machines.map((m) => m.name)
    const running = hosts.map((host) => this.#machine(host)).filter(({ phase }) => phase !== 'off')
    await Promise.all(running.map((machine) => machine.setCarrier(true)))
    return null
  }

  #machine(name: string): HostMachine {
    const machine = this.#machines.find((candidate) => candidate.name === name)
    if (!machine) throw new Error(`the lab has no host ${name}`)
    return machine
  }

  #status(): LabStatus {
    const { name, topology } = this.#options
    if (!this.#image) throw new Error('the lab has not started')
    return {
      name,
      supervisorPid: process.pid,
      image: this.#image,
      topology,
      hosts: this.#machines.map(hostStatus),
      ports: this.#switch.ports().map((port) => ({
        host: port.name,
        isConnected: port.isConnected,
        receivedBytes: port.receivedBytes,
        sentBytes: port.sentBytes,
        droppedFrames: port.droppedFrames,
      })),
      shapes: this.#switch.shapes(),
    }
  }
}

function hostStatus(machine: HostMachine): HostStatus {
  const { specification, index, ports } = machine.plan
  return {
    name: specification.name,
    pool: specification.pool,
    kind: specification.kind,
    address: hostNetwork(index).address,
    phase: machine.phase,
    pid: machine.process?.pid,
    ports,
    lastBootMs: machine.lastBootMs,
    lastProblem: machine.lastProblem,
  }
}
