import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createApiClient } from '../../src/api/client/api-client.ts'
import { readDaemonAddress } from '../../src/api/client/daemon-address.ts'
import { createRemoteStorageManager } from '../../src/api/client/remote-storage-manager.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import type { VolumeFormat } from '../../src/model/vdi.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Daemon } from './daemon.ts'
import type { ImageFile } from './read-disk.ts'

const callTimeoutMs = 60_000
const heartbeat = { intervalMs: 500, deadlineMs: 8_000 }

/** Each host has one SR for each format, of the same name. */
export const srNames: readonly VolumeFormat[] = ['raw', 'qcow2', 'vhd']

/** The network that guests are plugged into, on every host. */
export const networkName = 'switch'

export interface HostPlan {
  readonly name: string
  readonly pool: string
  readonly directory: string
  /** Where the daemons and the CLI are. */
  readonly programs: string
  readonly ports: { readonly sm: number; readonly xapi: number }
  /** Where xapi finds its sm; at the socket of sm unless told. */
  readonly storageManager?: string
  /** Of loopback, for mirrors. */
  readonly mirrorPorts: { readonly from: number; readonly to: number }
  readonly kernelDirectories: readonly string[]
  /** Of its daemons, and so of all that they start. */
  readonly environment?: Readonly<Record<string, string>>
}

/** One sm and one xapi with folders and ports of their own: a host, though it shares this machine with others. */
export class PlaygroundHost {
  readonly plan: HostPlan
  readonly name: string
  readonly pool: string
  /** Where other hosts reach its xapi. */
  readonly url: string
  readonly sockets: { readonly xapi: string; readonly sm: string }
  readonly storage: StorageManager
  readonly toolstack
  readonly sm: Daemon
  readonly xapi: Daemon

  constructor(plan: HostPlan) {
    this.plan = plan
    this.name = plan.name
    this.pool = plan.pool
    this.url = `https://127.0.0.1:${plan.ports.xapi}`
    const socket = (daemon: string) => join(this.runtimeDirectory, `${daemon}.sock`)
    this.sockets = { xapi: socket('xapi'), sm: socket('sm') }
    const options = { timeoutMs: callTimeoutMs }
    this.storage = createRemoteStorageManager(readDaemonAddress(this.sockets.sm), options)
    const { url, fetch } = readDaemonAddress(this.sockets.xapi)
    this.toolstack = createApiClient(toolstackRoutes, url, { ...options, fetch })
    this.sm = this.#daemon('sm')
    this.xapi = this.#daemon('xapi')
  }

  get networkSocket(): string {
    return join(this.plan.directory, 'switch')
  }

  /** What curl needs to reach a daemon as its user. */
  curl(daemon: 'xapi' | 'sm'): string {
    return `--unix-socket ${this.sockets[daemon]} http://localhost`
  }

  /** Both hosts trust and know each other then. */
  async join(other: PlaygroundHost): Promise<void> {
    const { line } = await other.toolstack.invitePeer()
    await this.toolstack.joinPeer({ body: { line } })
  }

  get runtimeDirectory(): string {
    return join(this.plan.directory, 'run')
  }

  srDirectory(name: string): string {
    return join(this.plan.directory, 'disks', name)
  }

  async prepare(): Promise<void> {
    const { directory, ports, kernelDirectories, mirrorPorts } = this.plan
    const folders = ['run', 'state', ...srNames.map((name) => `disks/${name}`)]
    for (const folder of folders)
      await mkdir(join(directory, folder), { recursive: true, mode: 0o700 })
    const { name: host, pool, url, runtimeDirectory } = this
    const { storageManager = this.sockets.sm } = this.plan
    const listen = (port: number) => ({ address: '127.0.0.1', port })
    const sm = {
      ...{
        host,
        listen: listen(ports.sm),
        url: `https://127.0.0.1:${ports.sm}`,
        ports: mirrorPorts,
      },
      ...{ stateDirectory: join(directory, 'state/sm'), runtimeDirectory, datapath: 'user' },
    }
    const network = { type: 'socket', path: this.networkSocket }
    const xapi = {
      ...{ host, pool, listen: listen(ports.xapi), url, storageManager, heartbeat },
      ...{ stateDirectory: join(directory, 'state/xapi'), runtimeDirectory, hypervisor: 'qemu' },
      // The same on every machine, whatever its KVM does; a guest of this size needs no more.
      qemu: { networks: { [networkName]: network }, kernelDirectories, accelerator: 'tcg' },
    }
    for (const [name, configuration] of Object.entries({ sm, xapi }))
      await writeFile(this.#configurationFile(name), JSON.stringify(configuration, null, 2))
  }

  startDaemons(): void {
    this.sm.start()
    this.xapi.start()
  }

  async stopDaemons(): Promise<void> {
    await this.xapi.stop()
    await this.sm.stop()
  }

  async killDaemons(): Promise<void> {
    await Promise.all([this.sm.kill(), this.xapi.kill()])
  }

  async waitUntilAnswering(): Promise<void> {
    const answers = async () => {
      await this.storage.facts()
      await this.toolstack.getHost()
      return true
    }
    await waitUntil(answers, {
      description: `the daemons of ${this.name} to answer`,
      timeoutMs: 60_000,
      intervalMs: 50,
    }).catch(async (error: unknown) => {
      throw new Error(`${error}\n${await this.log()}`, { cause: error })
    })
  }

  async createSrs(): Promise<void> {
    for (const name of srNames) {
      const configuration = { directory: this.srDirectory(name), format: name }
      await this.storage.createSr({ name, type: 'file', configuration })
    }
  }

  /** Id of the SR of this name. */
  async sr(name: string): Promise<string> {
    const found = (await this.storage.listSrs()).find((sr) => sr.name === name)
    if (!found) throw new Error(`${this.name} has no SR ${name}`)
    return found.id
  }

  /** A new VDI; answers its id. */
  async newDisk(srName: string, name: string, sizeBytes: number): Promise<string> {
    const { id } = await this.storage.createVdi({ sr: await this.sr(srName), name, sizeBytes })
    return id
  }

  /** Where the bytes of a VDI are. */
  async image(vdi: string): Promise<ImageFile> {
    const { sr, format, name, managed } = await this.storage.getVdi(vdi)
    const found = (await this.storage.listSrs()).find(({ id }) => id === sr)
    const file = managed ? `crosspool-${vdi}.${format}` : name
    return { path: join(this.srDirectory(found?.name ?? ''), file), format }
  }

  /** What the daemons said last. */
  async log(lines = 60): Promise<string> {
    return `--- sm of ${this.name}\n${await this.sm.log(lines)}\n--- xapi of ${this.name}\n${await this.xapi.log(lines)}`
  }

  #daemon(name: string): Daemon {
    const program = join(this.plan.programs, `crosspool-${name}.mjs`)
    return new Daemon(
      program,
      this.#configurationFile(name),
      join(this.plan.directory, `${name}.log`),
      this.plan.environment,
    )
  }

  #configurationFile(name: string): string {
    return join(this.plan.directory, `${name}.json`)
  }
}
