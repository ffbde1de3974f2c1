import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import type { SeededRandom } from '../simulation/seeded-random.ts'
import type { Mirrored } from './datapath.fixture.ts'
import type { TestLink } from './test-link.ts'
import type { UserDatapathHost } from './user-datapath-hosts.ts'

/** Where the VM is, the other host, and what is between them. */
export interface MirroredPlace {
  readonly here: UserDatapathHost
  readonly there: UserDatapathHost
  readonly mirrored: Mirrored
}

/** What fails beside whatever else is done, for a while. */
export interface DiskFaults {
  happen(): void
  /** Until all of them have passed. */
  over(): Promise<void>
}

const kinds = ['kill', 'stop', 'stop', 'cut', 'restart'] as const

export function createDiskFaults(
  place: () => MirroredPlace,
  link: TestLink,
  random: SeededRandom,
  tell: (text: string) => void,
): DiskFaults {
  const under = new Set<Promise<void>>()
  const restarting = new Map<UserDatapathHost, Promise<void>>()

  /** Only one program at a time works on a host. */
  async function restart(host: UserDatapathHost, awayMs: number): Promise<void> {
    const before = restarting.get(host)
    const restarted = (async () => {
      await before
      await host.restart(() => pause(awayMs))
    })()
    restarting.set(host, restarted)
    await restarted
  }

  async function happens(): Promise<void> {
    const kind = random.pick(kinds)
    const { here, there } = place()
    const folder = random.pick(foldersOf(place()))
    const [afterMs, lastsMs] = [random.pick([0, 10, 100]), random.pick([100, 1_500, 3_000])]
    const host = random.pick([here, there])
    const where = folder.replace(here.directory, 'here').replace(there.directory, 'there')
    const what = { cut: '', restart: host === here ? 'here' : 'there', kill: where, stop: where }
    tell(`<${kind} ${what[kind]} after ${afterMs} for ${lastsMs}>`)
    await pause(afterMs)
    if (kind === 'kill') return await signalTo(folder, 'KILL')
    if (kind === 'restart') return await restart(host, lastsMs / 3)
    if (kind === 'cut') link.cut()
    else await signalTo(folder, 'STOP')
    await pause(lastsMs)
    if (kind === 'cut') link.mend()
    else await signalTo(folder, 'CONT')
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

/** Of the processes of QEMU that take part. */
function foldersOf({ here, there, mirrored }: MirroredPlace) {
  return [
    join(here.directory, 'disks', mirrored.sourceDisk.vdi),
    join(there.directory, 'disks', mirrored.targetDisk.vdi),
    join(here.directory, 'mirrors', `mirror-${mirrored.sourceMirror.end}`),
    join(there.directory, 'mirrors', `mirror-${mirrored.targetMirror.end}`),
  ] as const
}

/** One that is no longer there has nothing to be told. */
async function signalTo(folder: string, signal: string): Promise<void> {
  const pid = await readFile(join(folder, 'pid'), 'utf8').catch(() => '')
  if (pid) await systemCommandRunner.probe('kill', [`-${signal}`, pid.trim()])
}
