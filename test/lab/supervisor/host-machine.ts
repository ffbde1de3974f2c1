import { appendFile, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { ensureHostDisks } from '../host/host-disks.ts'
import { monitorCommand } from '../host/monitor.ts'
import { type HostPlan, qemuArguments } from '../host/qemu-command.ts'
import {
  type Connection,
  channelArguments,
  isConnectionReady,
  openConnection,
  type SshTarget,
} from '../host/ssh.ts'
import {
  endProcess,
  identifyProcess,
  isRunning,
  type ProcessIdentity,
} from '../support/processes.ts'
import { readFrom } from '../support/read-from.ts'
import { spawnLogged } from '../support/spawn-logged.ts'
import { waitUntil } from '../support/wait-until.ts'

/** `starting` also while a host reboots or its ssh connection is lost; `up` means that commands can be run. */
export type HostPhase = 'off' | 'starting' | 'up'

const bootTimeoutMs = 420_000

/** One virtual host: its QEMU process and the ssh connection to it. */
export class HostMachine {
  readonly plan: HostPlan
  phase: HostPhase = 'off'
  process: ProcessIdentity | undefined
  /** How long the last start took until commands could be run. */
  lastBootMs: number | undefined
  lastProblem: string | undefined
  readonly ssh: SshTarget
  readonly #log: (line: string) => void
  #connection: Connection | undefined
  /** Grows whenever the host is started, cut or rebooted, which ends the loop that cared for the state before. */
  #generation = 0

  constructor(plan: HostPlan, log: (line: string) => void) {
    this.plan = plan
    this.ssh = {
      port: plan.ports.ssh,
      privateKey: plan.image.privateKey,
      controlSocket: plan.paths.sshSocket(plan.specification.name),
    }
    this.#log = (line) => log(`${plan.specification.name}: ${line}`)
  }

  get name(): string {
    return this.plan.specification.name
  }

  async start(): Promise<void> {
    if (this.process && isRunning(this.process)) return
    await ensureHostDisks(this.plan)
    const { paths } = this.plan
    const consoleLog = paths.consoleLog(this.name)
    await appendFile(consoleLog, `\nlab: power on ${new Date().toISOString()}\n`)
    const consoleStart = (await stat(consoleLog)).size
    for (const socket of [paths.monitorSocket(this.name), paths.consoleSocket(this.name)]) {
      await rm(socket, { force: true })
    }
    // QEMU ends with the supervisor, however that ends: a host without its network would be of no use.
    const qemu = spawnLogged(
      ['setpriv', '--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArguments(this.plan)],
      `${paths.hostDirectory(this.name)}/qemu.log`,
      { isDetached: false },
    )
    const identity = identifyProcess(qemu.pid)
    this.process = identity
    void qemu.ended.then((how) => {
      if (this.process !== identity) return
      this.process = undefined
      this.lastProblem = `QEMU ended: ${how}`
      this.#log(this.lastProblem)
      this.#forgetState()
    })
    this.#beginGeneration(consoleStart)
  }

  /** As pulling the plug: nothing that the host had not yet written to a disk survives. */
  async powerCut(): Promise<void> {
    const target = this.process
    this.process = undefined
    this.#forgetState()
    if (target) await endProcess(target, 'SIGKILL')
  }

  async reboot(): Promise<void> {
    const consoleStart = (await stat(this.plan.paths.consoleLog(this.name))).size
    // The connection is cut by the reboot itself, so how the command ends says nothing.
    await execa('ssh', channelArguments(this.ssh, 'systemctl reboot'), {
      reject: false,
      stdin: 'ignore',
      timeout: 20_000,
    })
    this.#forgetState()
    this.#beginGeneration(consoleStart)
  }

  setCarrier(isUp: boolean): Promise<unknown> {
    const { paths } = this.plan
    return monitorCommand(paths.monitorSocket(this.name), 'set_link', {
      name: 'data-card',
      up: isUp,
    })
  }

  #forgetState(): void {
    this.#generation += 1
    this.phase = 'off'
    this.#connection?.close()
    this.#connection = undefined
  }

  #beginGeneration(consoleStart: number): void {
    this.#generation += 1
    this.phase = 'starting'
    this.lastProblem = undefined
    this.lastBootMs = undefined
    this.#care(this.#generation, consoleStart).catch((error: unknown) => {
      this.lastProblem = error instanceof Error ? error.message : String(error)
      this.#log(this.lastProblem)
    })
  }

  /** Waits for the end of the boot, then keeps an ssh connection open for as long as this generation lasts. */
  async #care(generation: number, consoleStart: number): Promise<void> {
    const startMs = performance.now()
    const isCurrent = (): boolean => this.#generation === generation
    await waitUntil(async () => !isCurrent() || (await this.#hasBooted(consoleStart)), {
      description: `${this.name} to boot (see ${this.plan.paths.consoleLog(this.name)})`,
      timeoutMs: bootTimeoutMs,
      intervalMs: 150,
    })
    while (isCurrent()) {
      await rm(this.ssh.controlSocket, { force: true })
      const connection = openConnection(this.ssh)
      this.#connection = connection
      if (await this.#isUsable(connection)) {
        if (!isCurrent()) break
        this.phase = 'up'
        this.lastProblem = undefined
        if (this.lastBootMs === undefined) {
          this.lastBootMs = Math.round(performance.now() - startMs)
          this.#log(`up after ${(this.lastBootMs / 1000).toFixed(1)} s`)
        } else this.#log('connected again')
        await connection.ended
        if (isCurrent()) this.phase = 'starting'
      }
      connection.close()
      await sleep(500)
    }
  }

  async #hasBooted(consoleStart: number): Promise<boolean> {
    const text = await readFrom(this.plan.paths.consoleLog(this.name), consoleStart)
    // Nothing to gain by waiting longer, but ssh may help to find out why.
    if (text.includes('lab: not ready')) {
      this.lastProblem = 'a unit failed, see its console log'
      return true
    }
    return text.includes('lab: ready boot=')
  }

  /** True once the connection stands and the host has finished its boot, false when the connection ended first. */
  async #isUsable(connection: Connection): Promise<boolean> {
    let hasEnded = false
    void connection.ended.then(() => {
      hasEnded = true
    })
    await waitUntil(async () => hasEnded || (await isConnectionReady(this.ssh)), {
      description: `an ssh connection to ${this.name}`,
      timeoutMs: 60_000,
    }).catch(() => undefined)
    if (hasEnded) return false
    const waitForBoot = 'until [ -e /run/lab-ready ]; do sleep 0.3; done'
    const { exitCode } = await execa('ssh', channelArguments(this.ssh, waitForBoot), {
      reject: false,
      stdin: 'ignore',
      timeout: bootTimeoutMs,
    })
    return exitCode === 0
  }
}
