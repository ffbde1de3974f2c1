import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { isCrosspoolError } from '../../src/model/errors.ts'
import { createSeededRandom } from '../simulation/seeded-random.ts'
import { begin, handoverOf, type Mirrored, untilSynced } from './datapath.fixture.ts'
import { withNbd } from './nbd-guest.ts'
import { createTestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import { blockBytes, makeMirrored, turned, userFixture } from './user-mirror.ts'

/**
 * A VM goes to and fro between two hosts while things fail: it runs in one place at a time, sees no error, and
 * finds whatever it has written. CROSSPOOL_SEEDS=FIRST-LAST tries more. A seed replays what is done, not how
 * long that takes.
 */
const diskBytes = 4 * 1024 * 1024
const blocks = 64
const journeys = 4
/** Far above the deadline of a mirror, and what a guest waits at most. */
const patienceMs = 60_000
const [first = 1, last = 2] = (process.env.CROSSPOOL_SEEDS ?? '1-2').split('-').map(Number)
vi.setConfig({ testTimeout: 300_000 })

const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index)

it.each(seeds)('nothing that was written is lost: seed %d', async (seed) => {
  const random = createSeededRandom(String(seed))
  const link = createTestLink()
  let here = await createUserDatapathHost('s', link)
  let there = await createUserDatapathHost('t', link)
  const hosts = [here, there]
  const history: string[] = []
  let mirrored = await makeMirrored(here, there, diskBytes)
  const guest = createGuest(() => mirrored, random.fork('guest'))
  const fixture = () => userFixture(here, there, link, patienceMs)
  const faults = createFaults()

  try {
    await begin(fixture(), mirrored)
    for (let journey = 0; journey < journeys; journey += 1) {
      guest.run()
      for (let count = random.below(3); count > 0; count -= 1) faults.happen()
      await faults.over()
      await untilSynced(fixture(), mirrored)
      await guest.wait()
      if ((await handOver()) === 'moved') await turnBack()
      await faults.over()
      await guest.check()
    }
  } catch (error) {
    console.error(`seed ${seed}: ${history.join(', ')}`)
    throw error
  } finally {
    await faults.over()
    await guest.wait().catch(() => {})
    await Promise.all(hosts.map((host) => host.dispose()))
    link.close()
  }

  /** Where the VM is afterwards is certain. */
  async function handOver(): Promise<'stays' | 'moved'> {
    const disks = handoverOf([mirrored])
    if (random.chance(0.6)) faults.happen()
    const isArmed = await outcome('arm', async () => {
      await Promise.all([here.datapath.arm(disks.source), there.datapath.arm(disks.target)])
    })
    if (isArmed !== 'done') return 'stays'
    if (random.chance(0.4)) faults.happen()
    let released = await outcome('release', () => here.datapath.release(disks.source))
    if (released === 'REPLICATION_LOST') return 'stays'
    if (random.chance(0.4)) faults.happen()
    let isWanted = random.chance(0.7)
    for (const giveUpMs = performance.now() + patienceMs; performance.now() < giveUpMs; ) {
      if (!isWanted) {
        const reclaimed = await outcome('reclaim', () => here.datapath.reclaim(disks.source))
        if (reclaimed === 'done') {
          // What was never released nobody would take.
          if (released !== 'done') return 'stays'
          expect(await outcome('take', () => there.datapath.take(disks.target))).not.toBe('done')
          return 'stays'
        }
      } else if (released !== 'done') {
        // Nobody takes before it is known that the source has released.
        released = await outcome('release', () => here.datapath.release(disks.source))
      } else if ((await outcome('take', () => there.datapath.take(disks.target))) === 'done')
        return 'moved'
      await faults.over()
      if (random.chance(0.5)) isWanted = !isWanted
    }
    throw new Error('nobody has it')
  }

  /** What the VM has left becomes a replica, to which it may go next. */
  async function turnBack(): Promise<void> {
    mirrored = turned(mirrored)
    const host = here
    here = there
    there = host
    await guest.check()
    if (random.chance(0.5)) guest.run()
    await repeated('keep here', () => here.datapath.keep(mirrored.sourceMirror, 'difference'))
    await repeated('keep there', () => there.datapath.keep(mirrored.targetMirror, 'difference'))
    if (random.chance(0.3)) faults.happen()
    await repeated('offer', () => there.datapath.offer(mirrored.targetMirror))
    await repeated('begin', () => begin(fixture(), mirrored))
  }

  async function repeated(what: string, act: () => Promise<void>): Promise<void> {
    for (const giveUpMs = performance.now() + patienceMs; ; ) {
      const came = await outcome(what, act)
      if (came === 'done') return
      if (performance.now() > giveUpMs) throw new Error(`${what}: ${came}`)
      await faults.over()
      await pause(50)
    }
  }

  async function outcome(what: string, act: () => Promise<void>): Promise<string> {
    const came = await act().then(
      () => 'done',
      (error: unknown) => (isCrosspoolError(error) ? error.code : 'interrupted'),
    )
    history.push(`${what} ${came}`)
    return came
  }

  function createFaults() {
    const under = new Set<Promise<void>>()
    const folders = (): readonly [string, ...string[]] => [
      join(here.directory, 'disks', mirrored.sourceDisk.vdi),
      join(there.directory, 'disks', mirrored.targetDisk.vdi),
      join(here.directory, 'mirrors', `mirror-${mirrored.sourceMirror.end}`),
      join(there.directory, 'mirrors', `mirror-${mirrored.targetMirror.end}`),
    ]
    const kinds = ['kill', 'stop', 'stop', 'cut', 'restart'] as const

    async function happens(): Promise<void> {
      const kind = random.pick(kinds)
      const folder = random.pick(folders())
      const [afterMs, lastsMs] = [random.pick([0, 10, 100]), random.pick([100, 1_500, 3_000])]
      const host: UserDatapathHost = random.pick([here, there])
      const where = folder.replace(here.directory, 'here').replace(there.directory, 'there')
      const about = { cut: '', restart: host === here ? ' here' : ' there' }[kind as 'cut'] ?? where
      history.push(`<${kind} ${about} after ${afterMs} for ${lastsMs}>`)
      await pause(afterMs)
      if (kind === 'kill') return await signalTo(folder, 'KILL')
      if (kind === 'restart') return await restarted(host, lastsMs / 3)
      if (kind === 'cut') link.cut()
      else await signalTo(folder, 'STOP')
      await pause(lastsMs)
      if (kind === 'cut') link.mend()
      else await signalTo(folder, 'CONT')
    }

    const restarting = new Map<UserDatapathHost, Promise<void>>()
    /** Only one program at a time works on a host. */
    async function restarted(host: UserDatapathHost, awayMs: number): Promise<void> {
      const before = restarting.get(host)
      const now = (async () => {
        await before
        await host.restart(() => pause(awayMs))
      })()
      restarting.set(host, now)
      await now
    }

    return {
      happen() {
        const one = happens().finally(() => under.delete(one))
        under.add(one)
      },
      async over() {
        await Promise.all(under)
      },
    }
  }
})

/** One that is no longer there has nothing to be told. */
async function signalTo(folder: string, signal: string): Promise<void> {
  const pid = await readFile(join(folder, 'pid'), 'utf8').catch(() => '')
  if (pid) await systemCommandRunner.probe('kill', [`-${signal}`, pid.trim()])
}

/** Writes one block after the other, and knows of each what it may read. */
function createGuest(mirrored: () => Mirrored, random: ReturnType<typeof createSeededRandom>) {
  const written = new Map<number, string>()
  let writes = 0
  let isRunning = false
  let running: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    while (isRunning) {
      writes += 1
      const block = random.below(blocks)
      const data = Buffer.alloc(blockBytes, `write ${writes}. `)
      const path = mirrored().sourcePath
      await withNbd(path, (client) => client.write(offsetOf(block), data), patienceMs)
      written.set(block, data.toString())
      await pause(5)
    }
  }

  return {
    run() {
      if (isRunning) return
      isRunning = true
      running = write()
      running.catch(() => {})
    },
    /** Until nothing of it is under way. Rejects when it has seen an error. */
    async wait(): Promise<void> {
      isRunning = false
      await running
    },
    async check(): Promise<void> {
      await this.wait()
      for (const [block, expected] of written) {
        const read = (client: { read(offset: number, length: number): Promise<Buffer> }) =>
          client.read(offsetOf(block), blockBytes)
        const found = await withNbd(mirrored().sourcePath, read, patienceMs)
        expect(found.toString().slice(0, 20), `block ${block}`).toBe(expected.slice(0, 20))
      }
    },
  }
}

function offsetOf(block: number): number {
  return Math.floor((block * diskBytes) / blocks)
}
