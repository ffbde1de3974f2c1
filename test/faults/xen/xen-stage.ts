import { Cluster, type ClusterHost } from '../../e2e/cluster.ts'
import { endGuest } from '../../e2e/end-guest.ts'
import { checkWrites } from '../../e2e/measured-migration.ts'
import { type Traces, tracesOf } from '../../e2e/traces.ts'
import type { GuestVerdict } from '../../lab/guest/judge-guest.ts'
import type { TestGuest } from '../../lab/guest/test-guest.ts'
import type { XenSides } from './xen-fault.ts'

const name = 'harried'
const volume = `/dev/vg0/${name}`
const entry = `/etc/xen/auto/${name}.cfg`

/** Two hosts of the lab, and a guest on a plain LV that its source starts by itself at every boot. */
export class XenStage {
  readonly cluster: Cluster
  readonly sides: XenSides
  readonly guest: TestGuest
  readonly #before: readonly Traces[]
  /** It is at the source, as before the migration. */
  #isKept = false

  private constructor(cluster: Cluster, sides: XenSides, before: readonly Traces[]) {
    this.cluster = cluster
    this.sides = sides
    this.guest = sides.guest
    this.#before = before
  }

  static async open(): Promise<XenStage> {
    const cluster = await Cluster.open({ topology: 'pair', log: console.log })
    const [source, destination] = [cluster.host('alpha1'), cluster.host('beta1')]
    // A run that was broken off has left them.
    await source.lab.exec(['xl', 'destroy', name])
    if ((await source.lab.exec(['test', '-e', volume])).exitCode !== 0)
      await source.newPlainVolume(name, 32)
    await source.lab.run('systemctl unmask xendomains && systemctl enable xendomains')
    const link = cluster.lab.between(source.name, destination.name)
    const before = await Promise.all([source, destination].map(tracesOf))
    const guest = cluster.guest({ name, number: 141, disks: [`phy:${volume}`] })
    return new XenStage(cluster, { source, destination, link, guest }, before)
  }

  get hosts(): readonly ClusterHost[] {
    return [this.sides.source, this.sides.destination]
  }

  /** One that runs on at the source is used again: its disk has everything that it has ever written. */
  async startGuest(): Promise<void> {
    if (this.#isKept) return
    const { lab } = this.sides.source
    await this.cluster.lab.forgetGuest(name)
    await lab.run(['blkdiscard', '--zeroout', volume])
    // Something to copy, behind what the guest writes.
    const data = `if=/dev/urandom of=${volume} bs=1M seek=16 count=8 oflag=direct status=none`
    await lab.run(`dd ${data}`)
    await this.guest.startOn(lab, 240_000)
    // It may boot again where it has gone.
    await this.guest.installBootFiles(this.sides.destination.lab)
    // A power cut must not lose what makes xl start it again.
    await lab.run(`mkdir -p /etc/xen/auto && ln -sf ../${name}.cfg ${entry} && sync`)
  }

  async whereItRuns(): Promise<readonly ClusterHost[]> {
    const lists = await Promise.all(this.hosts.map(({ toolstack }) => toolstack.listVms()))
    return this.hosts.filter((_, index) =>
      lists[index]?.some((vm) => vm.name === name && vm.state === 'running'),
    )
  }

  /** What the guest was told is on its disk, wherever that is. Unless it is at the source, everything is put away. */
  async judge(at: ClusterHost | null): Promise<GuestVerdict> {
    const verdict = at ? await checkWrites(this.guest, at) : await this.#judgeDead()
    this.#isKept = at === this.sides.source
    if (at && !this.#isKept) await endGuest(this.guest, at)
    return verdict
  }

  /** The VM that ran nowhere has its disk at the destination if that has one, else at the source. */
  async #judgeDead(): Promise<GuestVerdict> {
    const { source, destination } = this.sides
    await Promise.all(this.hosts.map(destroyCrashed))
    const [vdi] = (await destination.storage.listVdis()).filter(({ managed }) => managed)
    if (!vdi) return await this.guest.check(source.lab, [volume], { hasEnded: true })
    if (vdi.state === 'detached') await destination.storage.attach(vdi.id)
    const { device } = await destination.storage.activate(vdi.id)
    const verdict = await this.guest.check(destination.lab, [device ?? ''], {
      hasEnded: true,
    })
    await destination.removeDisk(vdi.id)
    return verdict
  }

  /** What the hosts have that they had not before there was a guest, or have no more. */
  async leftovers(): Promise<readonly string[]> {
    const after = await Promise.all(this.hosts.map(tracesOf))
    const lines = this.hosts.flatMap((host, index) =>
      differences(this.#before[index], after[index]).map((what) => `${host.name}: ${what}`),
    )
    const kept = lines.indexOf(`${this.sides.source.name}: has domains ${name}`)
    return lines.filter((_, index) => !this.#isKept || index !== kept)
  }

  async close(): Promise<void> {
    const { lab } = this.sides.source
    if (this.#isKept) await endGuest(this.guest, this.sides.source)
    await lab.run(`rm -f ${entry} && systemctl disable xendomains && systemctl mask xendomains`)
    await lab.run(`lvremove --yes vg0/${name}`)
  }
}

async function destroyCrashed({ lab, toolstack }: ClusterHost): Promise<void> {
  const vms = await toolstack.listVms()
  if (vms.some((vm) => vm.name === name && vm.state === 'crashed'))
    await lab.run(['xl', 'destroy', name])
}

function differences(before: Traces | undefined, after: Traces | undefined): readonly string[] {
  const lines = (traces: Traces | undefined) =>
    Object.entries(traces ?? {}).flatMap(([kind, all]: [string, readonly string[]]) =>
      all.map((one) => `${kind} ${one}`),
    )
  const [had, has] = [lines(before), lines(after)]
  return [
    ...has.filter((line) => !had.includes(line)).map((line) => `has ${line}`),
    ...had.filter((line) => !has.includes(line)).map((line) => `lacks ${line}`),
  ]
}
