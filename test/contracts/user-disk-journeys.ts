import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { isCrosspoolError } from '../../src/model/errors.ts'
import { createSeededRandom, type SeededRandom } from '../simulation/seeded-random.ts'
import { begin, type DatapathFixture, handoverOf, untilSynced } from './datapath.fixture.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import { createDiskFaults, type DiskFaults, type MirroredPlace } from './user-disk-faults.ts'
import { createDiskGuest, type DiskGuest, patienceMs } from './user-disk-guest.ts'
import { makeMirrored, turned, userFixture } from './user-mirror.ts'

const diskBytes = 4 * 1024 * 1024

/** A VM that goes to and fro between two hosts while things fail. A seed replays what is done, not how long that takes. */
export class DiskJourneys {
  readonly #random: SeededRandom
  readonly #link: TestLink
  readonly #hosts: readonly UserDatapathHost[]
  readonly #guest: DiskGuest
  readonly #faults: DiskFaults
  readonly #history: string[] = []
  #place: MirroredPlace

  static async prepare(seed: string): Promise<DiskJourneys> {
    const link = createTestLink()
    const here = await createUserDatapathHost('s', link)
    const there = await createUserDatapathHost('t', link)
    const mirrored = await makeMirrored(here, there, diskBytes)
    return new DiskJourneys(createSeededRandom(seed), link, { here, there, mirrored })
  }

  private constructor(random: SeededRandom, link: TestLink, place: MirroredPlace) {
    this.#random = random
    this.#link = link
    this.#place = place
    this.#hosts = [place.here, place.there]
    const path = () => this.#place.mirrored.sourcePath
    const tell = (text: string) => void this.#history.push(text)
    this.#guest = createDiskGuest(diskBytes, path, random.fork('guest'))
    this.#faults = createDiskFaults(() => this.#place, link, random, tell)
  }

  /** What was done, and what came of it. */
  get history(): string {
    return this.#history.join(', ')
  }

  async begin(): Promise<void> {
    await begin(this.#fixture, this.#place.mirrored)
  }

  /** It runs in one place afterwards, and has whatever it has written. */
  async go(): Promise<void> {
    this.#guest.run()
    for (let count = this.#random.below(3); count > 0; count -= 1) this.#faults.happen()
    await this.#faults.over()
    await untilSynced(this.#fixture, this.#place.mirrored)
    await this.#guest.wait()
    if (await this.#moves()) await this.#turnBack()
    await this.#faults.over()
    await this.#guest.check()
  }

  async end(): Promise<void> {
    await this.#faults.over()
    await this.#guest.wait().catch(() => {})
    await Promise.all(this.#hosts.map((host) => host.dispose()))
    this.#link.close()
  }

  get #fixture(): DatapathFixture {
    return userFixture(this.#place.here, this.#place.there, this.#link, patienceMs)
  }

  /** Whether it has moved, which is certain afterwards. */
  async #moves(): Promise<boolean> {
    const { here, there, mirrored } = this.#place
    const { source, target } = handoverOf([mirrored])
    const release = () => this.#try('release', () => here.datapath.release(source))
    const take = () => this.#try('take', () => there.datapath.take(target))
    this.#mayFail(0.6)
    const arm = () => Promise.all([here.datapath.arm(source), there.datapath.arm(target)])
    if ((await this.#try('arm', arm)) !== 'done') return false
    this.#mayFail(0.4)
    let released = await release()
    if (released === 'REPLICATION_LOST') return false
    this.#mayFail(0.4)
    let isWanted = this.#random.chance(0.7)
    for (const giveUpMs = performance.now() + patienceMs; performance.now() < giveUpMs; ) {
      if (!isWanted) {
        if ((await this.#try('reclaim', () => here.datapath.reclaim(source))) === 'done') {
          // What was never released nobody would take.
          if (released === 'done') assert.notEqual(await take(), 'done')
          return false
        }
      } else if (released !== 'done') released = await release()
      else if ((await take()) === 'done') return true
      await this.#faults.over()
      if (this.#random.chance(0.5)) isWanted = !isWanted
    }
    throw new Error('nobody has it')
  }

  /** What the VM has left becomes a replica, to which it may go next. */
  async #turnBack(): Promise<void> {
    const { here: there, there: here } = this.#place
    const mirrored = turned(this.#place.mirrored)
    const { sourceMirror, targetMirror } = mirrored
    this.#place = { here, there, mirrored }
    await this.#guest.check()
    if (this.#random.chance(0.5)) this.#guest.run()
    await this.#repeat('keep here', () => here.datapath.keep(sourceMirror, 'difference'))
    await this.#repeat('keep there', () => there.datapath.keep(targetMirror, 'difference'))
    this.#mayFail(0.3)
    await this.#repeat('offer', () => there.datapath.offer(targetMirror))
    await this.#repeat('begin', () => begin(this.#fixture, mirrored))
  }

  #mayFail(probability: number): void {
    if (this.#random.chance(probability)) this.#faults.happen()
  }

  async #repeat(what: string, act: () => Promise<unknown>): Promise<void> {
    for (const giveUpMs = performance.now() + patienceMs; ; ) {
      const came = await this.#try(what, act)
      if (came === 'done') return
      if (performance.now() > giveUpMs) throw new Error(`${what}: ${came}`)
      await this.#faults.over()
      await pause(50)
    }
  }

  async #try(what: string, act: () => Promise<unknown>): Promise<string> {
    const came = await act().then(
      () => 'done',
      (error: unknown) => (isCrosspoolError(error) ? error.code : 'interrupted'),
    )
    this.#history.push(`${what} ${came}`)
    return came
  }
}
