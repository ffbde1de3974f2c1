import { MiB } from '../../src/lib/units.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Playground } from '../playground/playground.ts'
import type { PlaygroundGuest } from '../playground/playground-guest.ts'
import type { PlaygroundHost } from '../playground/playground-host.ts'
import type { ImageFile } from '../playground/read-disk.ts'
import { tracesOf } from '../playground/traces.ts'
import { HostLinks } from './host-links.ts'
import { type Shapes, shapeOf } from './settled.ts'

/** Two hosts, the ways between them, and a guest that goes from one to the other through one fault after another. */
export class FaultStage {
  readonly playground: Playground
  readonly links: HostLinks
  readonly guest: PlaygroundGuest
  readonly shapes: Shapes
  #source: PlaygroundHost

  private constructor(
    playground: Playground,
    links: HostLinks,
    guest: PlaygroundGuest,
    shapes: Shapes,
  ) {
    this.playground = playground
    this.links = links
    this.guest = guest
    this.shapes = shapes
    this.#source = playground.host('alpha1')
  }

  /** `number`: another one for each stage of this process. */
  static async open(number: number): Promise<FaultStage> {
    const links = new HostLinks()
    try {
      const playground = await Playground.open({ arrange: (plans) => links.arrange(plans, number) })
      const source = playground.host('alpha1')
      const disks = [
        await source.newDisk('raw', 'a-root', 64 * MiB),
        await source.newDisk('qcow2', 'b-data', 128 * MiB),
      ]
      const guest = playground.guest({ name: 'victim', number: 140 })
      await guest.startOn(source, disks)
      const [withVm, withoutVm] = (await tracesOf(playground)).map(shapeOf)
      if (!withVm || !withoutVm) throw new Error('the playground has fewer than two hosts')
      return new FaultStage(playground, links, guest, { withVm, withoutVm })
    } catch (error) {
      links.close()
      throw error
    }
  }

  /** Where the guest is. */
  get source(): PlaygroundHost {
    return this.#source
  }

  get destination(): PlaygroundHost {
    const other = this.playground.hosts.find((host) => host !== this.#source)
    if (!other) throw new Error('the playground has one host only')
    return other
  }

  get sides() {
    return { source: this.source, destination: this.destination, link: this.links.between }
  }

  moveTo(host: PlaygroundHost): void {
    this.#source = host
  }

  /** Hosts on which the VM runs. */
  async whereItRuns(): Promise<readonly PlaygroundHost[]> {
    const { hosts } = this.playground
    const lists = await Promise.all(hosts.map(({ toolstack }) => toolstack.listVms()))
    return hosts.filter((_, index) =>
      lists[index]?.some(({ name, state }) => name === this.guest.name && state !== 'halted'),
    )
  }

  /** Disks of a VM that runs nowhere, and the host that has them. */
  async orphanedDisks(): Promise<{ home: PlaygroundHost; images: readonly ImageFile[] }> {
    for (const home of this.playground.hosts) {
      const vdis = await this.#vdisOf(home)
      if (vdis.length === 0) continue
      return { home, images: await Promise.all(vdis.map((vdi) => home.image(vdi))) }
    }
    throw new Error('no host has the disks of the VM')
  }

  /** What an administrator does with a VM whose QEMU has died: its disks are whole, so it starts again. */
  async startAgainOn(host: PlaygroundHost): Promise<void> {
    const vdis = await this.#vdisOf(host)
    for (const vdi of vdis) {
      await host.storage.deactivate(vdi)
      await host.storage.detach(vdi)
    }
    await this.guest.restartOn(host, vdis)
    this.moveTo(host)
  }

  async waitUntilAnswering(): Promise<void> {
    await waitUntil(
      async () => {
        for (const { toolstack, storage } of this.playground.hosts) {
          await toolstack.getHost()
          await storage.facts()
        }
        return true
      },
      { description: 'all daemons to answer', timeoutMs: 30_000 },
    )
  }

  async close(): Promise<void> {
    this.links.between.become('open')
    await this.playground.close()
    this.links.close()
  }

  async #vdisOf({ storage }: PlaygroundHost): Promise<readonly string[]> {
    const vdis = await storage.listVdis()
    return [...vdis].sort((a, b) => a.name.localeCompare(b.name)).map(({ id }) => id)
  }
}
