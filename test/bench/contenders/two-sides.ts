import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureGuest, type GuestFiles } from '../../lab/guest/build-guest.ts'
import { Observer } from '../../lab/network/observer.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import { ensureGuestKernel } from '../../playground/guest-kernel.ts'
import { GuestNetwork } from '../../playground/guest-network.ts'
import { PlaygroundGuest } from '../../playground/playground-guest.ts'
import { makeRunDirectory, removeRunDirectory } from '../../playground/run-directory.ts'

/** The same guest for every contender: it writes often, so that latencies can be told. */
export const guestOptions = { name: 'bench', number: 150, intervalMs: 5 }

export interface Side {
  readonly name: string
  readonly directory: string
  /** The disk, while the guest is here. */
  readonly image: string
  /** The switch that its guest is plugged into. */
  readonly network: string
}

/** Two hosts on this machine that have nothing of Crosspool: folders, networks, and the test guest. */
export class TwoSides {
  readonly directory: string
  readonly guest: PlaygroundGuest
  readonly #observer: Observer
  readonly #networks: GuestNetwork[] = []
  #sides: readonly [Side, Side]

  private constructor(directory: string, files: GuestFiles) {
    this.directory = directory
    this.#observer = new Observer()
    this.guest = new PlaygroundGuest(guestOptions, files, this.#observer)
    this.#sides = [sideAt(directory, 'a'), sideAt(directory, 'b')]
  }

  static async open(log: (line: string) => void): Promise<TwoSides> {
    const files = await ensureGuest(await ensureGuestKernel(log))
    const sides = new TwoSides(await makeRunDirectory(log), files)
    for (const side of sides.#sides) {
      await mkdir(side.directory)
      sides.#networks.push(await GuestNetwork.open(side.name, side.network, sides.#observer))
    }
    return sides
  }

  get source(): Side {
    return this.#sides[0]
  }

  get destination(): Side {
    return this.#sides[1]
  }

  /** The guest is at the other side now; what the one that it left had of its disk goes. */
  async swap(): Promise<void> {
    const [left, reached] = this.#sides
    await rm(left.image)
    this.#sides = [reached, left]
  }

  async untilWriting(sinceMs: number): Promise<void> {
    await waitUntil(() => this.guest.observations(sinceMs).at(-1)?.report.disks[0]?.acknowledged, {
      description: 'the guest to write',
      timeoutMs: 60_000,
    })
  }

  forgetGuest(): void {
    this.#observer.forget(guestOptions.name)
  }

  async judge(): Promise<readonly string[]> {
    const image = { path: this.source.image, format: 'raw' as const }
    const { problems } = await this.guest.judge([image])
    await rm(this.source.image)
    return problems
  }

  /** Ends whatever still runs, too. */
  async close(): Promise<void> {
    for (const network of this.#networks) network.close()
    await removeRunDirectory(this.directory)
  }
}

/** An empty disk. */
export async function makeImage(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(sizeBytes)
  await file.close()
}

function sideAt(parent: string, name: string): Side {
  const directory = join(parent, name)
  return { name, directory, image: join(directory, 'disk.raw'), network: join(directory, 'switch') }
}
