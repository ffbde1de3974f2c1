import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { createApiClient } from '../../src/api/client/api-client.ts'
import { createRemoteStorageManager } from '../../src/api/client/remote-storage-manager.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import { guestDirectory, TestGuest, type TestGuestOptions } from '../lab/guest/test-guest.ts'
import { attachLab, defaultLabName, type Lab, startDetachedLab } from '../lab/lab.ts'
import type { LabHost } from '../lab/lab-host.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { HostAccess } from './host-access.ts'

const root = resolve(import.meta.dirname, '../..')
const installedAt = '/opt/crosspool'
/** An emulated host needs seconds for what takes milliseconds elsewhere. */
const callTimeoutMs = 180_000
const heartbeat = { intervalMs: 2_000, deadlineMs: 45_000 }

const units = ['crosspool-sm.service', 'crosspool-xapi.service']

/** A shared SR has the same id on every host that reaches it. */
const sharedSr = '5a4e0000-0000-4000-8000-000000000001'

/** A host of the lab with Crosspool on it. */
export class ClusterHost {
  readonly name: string
  readonly pool: string
  readonly lab: LabHost
  readonly storage: StorageManager
  readonly toolstack
  /** Where other hosts of the lab reach its xapi. */
  readonly url: string
  readonly storageUrl: string
  readonly #access: Readonly<Record<'sm' | 'xapi', HostAccess>>

  constructor(lab: LabHost) {
    this.lab = lab
    this.name = lab.name
    this.pool = lab.pool
    this.url = `https://${lab.address}:7311`
    this.storageUrl = `https://${lab.address}:7310`
    this.#access = { sm: new HostAccess(lab, 'sm'), xapi: new HostAccess(lab, 'xapi') }
    const options = { timeoutMs: callTimeoutMs }
    this.storage = createRemoteStorageManager(this.#access.sm.address(), options)
    const { url, fetch } = this.#access.xapi.address()
    this.toolstack = createApiClient(toolstackRoutes, url, { ...options, fetch })
  }

  /** What curl on `from` needs to reach a daemon of this host: its socket, or a file with its key and a token. */
  async curl(daemon: 'sm' | 'xapi', from: ClusterHost): Promise<string> {
    if (from === this) return `--unix-socket /run/crosspool/${daemon}.sock http://localhost`
    const { fingerprint, token } = await this.#access[daemon].credentials()
    const file = `/run/${this.name}-${daemon}.curl`
    const input = `insecure\npinnedpubkey = "${fingerprint}"\nheader = "Authorization: Bearer ${token}"\n`
    await from.lab.run(`umask 077; cat > ${file}`, { input })
    return `--config ${file} ${daemon === 'sm' ? this.storageUrl : this.url}`
  }

  /** Id of the SR of this name. */
  async sr(name: string): Promise<string> {
    const found = (await this.storage.listSrs()).find((sr) => sr.name === name)
    if (!found) throw new Error(`${this.name} has no SR ${name}`)
    return found.id
  }

  /** A new VDI, activated; answers its device. */
  async newDisk(
    srName: string,
    name: string,
    sizeBytes: number,
  ): Promise<{ vdi: string; device: string }> {
    const { id } = await this.storage.createVdi({ sr: await this.sr(srName), name, sizeBytes })
    await this.storage.attach(id)
    const { device } = await this.storage.activate(id)
    if (!device) throw new Error(`VDI ${id} has no device`)
    return { vdi: id, device }
  }

  /** An LV of the administrator's, who knows nothing of Crosspool. Empty, since LVM uses extents again. */
  async newPlainVolume(name: string, sizeMib: number): Promise<void> {
    await this.lab.run(`lvcreate --yes --wipesignatures y -L ${sizeMib}m -n ${name} vg0`)
    await this.lab.run(['blkdiscard', '--zeroout', `/dev/vg0/${name}`])
  }

  async removeDisk(vdi: string): Promise<void> {
    const { state } = await this.storage.getVdi(vdi)
    if (state === 'activated') await this.storage.deactivate(vdi)
    if (state === 'activated' || state === 'attached') await this.storage.detach(vdi)
    await this.storage.destroyVdi(vdi)
  }

  /** As an administrator would look at what the daemons say. */
  async log(): Promise<string> {
    const { stdout } = await this.lab.exec(
      'journalctl -u crosspool-sm -u crosspool-xapi --no-pager -o cat | tail -n 120',
    )
    return stdout
  }

  async restartDaemons(): Promise<void> {
    await this.lab.run(['systemctl', 'restart', ...units], { timeoutMs: 120_000 })
    await this.waitUntilAnswering()
  }

  async waitUntilAnswering(): Promise<void> {
    const answers = async () => {
      await this.storage.facts()
      await this.toolstack.health()
      return true
    }
    await waitUntil(() => answers().catch(() => false), {
      description: `the daemons of ${this.name} to answer`,
      timeoutMs: 300_000,
      intervalMs: 500,
    })
  }
}

/** Two pools of real hosts with Crosspool installed as a user would have it. */
export class Cluster {
  readonly lab: Lab
  readonly hosts: readonly ClusterHost[]

  private constructor(lab: Lab) {
    this.lab = lab
    this.hosts = lab.hosts.map((host) => new ClusterHost(host))
  }

  /** Attaches to the lab of this name, or starts it; installs this checkout on its hosts. */
  static async open(
    options: { lab?: string; topology?: string; log?: (line: string) => void } = {},
  ): Promise<Cluster> {
    const { lab: name = defaultLabName, topology = 'pools', log = () => {} } = options
    const built = execa(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: root })
    const running = await attachLab(name)
    if (!running)
      log('starting the lab (the first time builds its image, which takes some minutes)')
    const lab = running ?? (await startDetachedLab({ name, topology, isFresh: true }))
    await Promise.all([lab.waitUntilUp(), built])
    log('installing Crosspool on the hosts')
    const cluster = new Cluster(lab)
    await Promise.all(cluster.hosts.map(install))
    await Promise.all(cluster.hosts.map((host) => prepare(host, cluster)))
    return cluster
  }

  /**
   * Starts a guest by plain xl. It leaves an emulated host time for other things: there each of its
   * interrupts costs milliseconds.
   */
  async startGuest(host: ClusterHost, options: TestGuestOptions): Promise<TestGuest> {
    const guest = this.guest(options)
    // What an earlier guest of this name has written is none of this one's.
    await this.lab.forgetGuest(guest.name)
    await guest.startOn(host.lab, 240_000)
    return guest
  }

  guest(options: TestGuestOptions): TestGuest {
    return new TestGuest(this.lab, { intervalMs: 100, tickMs: 50, ...options })
  }

  host(name: string): ClusterHost {
    const host = this.hosts.find((candidate) => candidate.name === name)
    if (!host) throw new Error(`the cluster has no host ${name}`)
    return host
  }
}

async function install(host: ClusterHost): Promise<void> {
  const marker = `${installedAt}/installed`
  const version = ['dist', 'packaging'].map((name) => contentHash(join(root, name))).join('-')
  const { stdout } = await host.lab.exec(['cat', marker])
  const isRunning = (await host.lab.exec(['systemctl', 'is-active', ...units])).exitCode === 0
  if (stdout.trim() === version && isRunning) return
  await host.lab.exec(['systemctl', 'stop', ...units])
  await host.lab.upload(join(root, 'dist'), installedAt)
  for (const unit of units)
    await host.lab.upload(join(root, 'packaging', unit), `/etc/systemd/system/${unit}`)
  const modules = 'etc/modules-load.d/crosspool.conf'
  await host.lab.upload(join(root, 'packaging/debian/files', modules), `/${modules}`)
  const storage = { host: host.name, url: host.storageUrl, replicationAddress: host.lab.address }
  const toolstack = {
    host: host.name,
    pool: host.pool,
    url: host.url,
    heartbeat,
    xen: { kernelDirectories: [guestDirectory] },
    ...(host.lab.kind === 'linux' ? { hypervisor: 'qemu' } : {}),
  }
  await host.lab.run('mkdir -p /etc/crosspool && cat > /etc/crosspool/sm.json', {
    input: JSON.stringify(storage),
  })
  await host.lab.run('cat > /etc/crosspool/xapi.json', { input: JSON.stringify(toolstack) })
  for (const program of ['bin/crosspool', 'sbin/crosspool-sm', 'sbin/crosspool-xapi'])
    await host.lab.run(['ln', '-sf', `${installedAt}/launch`, `/usr/${program}`])
  await host.lab.run(['systemctl', 'daemon-reload'])
  await host.lab.run(['systemctl', 'enable', '--now', ...units], { timeoutMs: 120_000 })
  await host.lab.run(`echo ${version} > ${marker}`)
}

async function prepare(host: ClusterHost, cluster: Cluster): Promise<void> {
  // As Xen's guides advise: guests that are busy must not starve dom0, which does their I/O.
  if (host.lab.kind === 'xen')
    await host.lab.run(['xl', 'sched-credit2', '-d', 'Domain-0', '-w', '8192'])
  await host.waitUntilAnswering()
  const known = new Set((await host.storage.listSrs()).map(({ name }) => name))
  if (!known.has('local'))
    await host.storage.createSr({
      name: 'local',
      type: 'lvm',
      configuration: { volumeGroup: 'vg0' },
    })
  if (!known.has('files'))
    await host.storage.createSr({
      name: 'files',
      type: 'file',
      configuration: { directory: '/srv/images' },
    })
  const reachesShared = cluster.lab.topology.sharedDisks.some(({ hosts }) =>
    hosts.includes(host.name),
  )
  if (reachesShared && !known.has('san')) {
    const configuration = { devices: ['/dev/disk/by-id/virtio-shared0'] }
    await host.storage.createSr({ id: sharedSr, name: 'san', type: 'shared', configuration })
  }
  const trusted = new Set((await host.toolstack.listPeers()).map(({ name }) => name))
  for (const other of cluster.hosts.slice(0, cluster.hosts.indexOf(host))) {
    if (trusted.has(other.name)) continue
    await other.waitUntilAnswering()
    const { line } = await other.toolstack.invitePeer()
    await host.toolstack.joinPeer({ body: { line } })
  }
}

function contentHash(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { recursive: true }).map(String).sort()) {
    const file = join(folder, entry)
    if (statSync(file).isFile()) hash.update(entry).update(readFileSync(file))
  }
  return hash.digest('hex')
}
