import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { freePorts } from '../../lab/support/free-ports.ts'
import { endProcess, identifyProcess, type ProcessIdentity } from '../../lab/support/processes.ts'
import { spawnLogged } from '../../lab/support/spawn-logged.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import type { Contender, Mark, Moved } from '../contender.ts'
import { fillTemplate } from '../template-disk.ts'
import { domainXml } from './libvirt-domain.ts'
import { guestOptions, makeImage, type Side, TwoSides } from './two-sides.ts'

/** libvirt without root wants to be no one's root, also in a user namespace. */
const asNobodySpecial = ['unshare', '--user', '--map-user=1000', '--map-group=1000'] as const
const virshTimeoutMs = 300_000

/** `virsh migrate --copy-storage-all` between two libvirts on this machine, each with folders of its own. */
export async function openLibvirt(log: (line: string) => void): Promise<Contender> {
  const sides = await TwoSides.open(log)
  const id = randomUUID()
  const daemons = new Map<string, ProcessIdentity>()
  let sizeBytes = 0
  const close = async () => {
    for (const daemon of daemons.values()) await endProcess(daemon, 'SIGTERM')
    await sides.close()
  }
  try {
    for (const side of [sides.source, sides.destination])
      daemons.set(side.name, await startDaemon(side))
  } catch (error) {
    await close()
    throw error
  }
  return {
    name: 'libvirt',
    async start(disk) {
      sides.forgetGuest()
      sizeBytes = disk.sizeBytes
      await makeImage(sides.source.image, sizeBytes)
      await fillTemplate(sides.source.image, disk)
      const startedMs = Date.now()
      await virsh(sides.source, 'create', await writeDomain(sides, sides.source, id))
      await sides.untilWriting(startedMs)
    },
    async move() {
      const { source, destination } = sides
      const domain = await writeDomain(sides, destination, id)
      const [disksPort = 0, memoryPort = 0] = await freePorts(2)
      const beganMs = Date.now()
      await makeImage(destination.image, sizeBytes)
      const events = [watchEvents(source), watchEvents(destination)] as const
      await virsh(
        source,
        ...['migrate', '--live', '--copy-storage-all', '--xml', domain],
        ...['--listen-address', '127.0.0.1', '--disks-port', String(disksPort)],
        ...[guestOptions.name, uriOf(destination), `tcp://127.0.0.1:${memoryPort}`],
      )
      const endedMs = Date.now()
      const [here, there] = await Promise.all(events.map((watching) => watching.stop()))
      await sides.swap()
      return movedBy({ beganMs, endedMs, here: here ?? '', there: there ?? '' })
    },
    observations: async (sinceMs) => sides.guest.observations(sinceMs),
    async end() {
      await virsh(sides.source, 'destroy', guestOptions.name)
      return await sides.judge()
    },
    close,
  }
}

async function startDaemon(side: Side): Promise<ProcessIdentity> {
  const configuration = join(side.directory, 'config/libvirt')
  for (const folder of ['run', 'config/libvirt', 'cache', 'data'])
    await mkdir(join(side.directory, folder), { recursive: true, mode: 0o700 })
  // Two on one machine would take each other for one host.
  await writeFile(join(configuration, 'libvirtd.conf'), `host_uuid = "${randomUUID()}"\n`)
  await writeFile(join(configuration, 'qemu.conf'), 'stdio_handler = "file"\n')
  const folders = {
    RUNTIME_DIR: 'run',
    CONFIG_HOME: 'config',
    CACHE_HOME: 'cache',
    DATA_HOME: 'data',
  }
  const environment = Object.entries(folders).map(
    ([name, folder]) => `XDG_${name}=${join(side.directory, folder)}`,
  )
  const command = [...asNobodySpecial, 'libvirtd', '--config', join(configuration, 'libvirtd.conf')]
  const log = join(side.directory, 'libvirtd.log')
  const { pid } = spawnLogged(['/usr/bin/env', ...environment, ...command], log, {
    isDetached: true,
  })
  const identity = identifyProcess(pid)
  if (!identity) throw new Error(`libvirtd has ended: ${await readFile(log, 'utf8')}`)
  await waitUntil(() => virsh(side, 'version').then(() => true), {
    description: 'libvirtd to answer',
    timeoutMs: 60_000,
  })
  return identity
}

const uriOf = (side: Side) =>
  `qemu+unix:///session?socket=${join(side.directory, 'run/libvirt/libvirt-sock')}`

async function virsh(side: Side, ...words: readonly string[]) {
  const [program, ...rest] = asNobodySpecial
  return await execa(program, [...rest, 'virsh', '--connect', uriOf(side), ...words], {
    timeout: virshTimeoutMs,
  })
}

async function writeDomain(sides: TwoSides, side: Side, id: string): Promise<string> {
  const path = join(side.directory, 'domain.xml')
  await writeFile(path, domainXml(sides.guest.description(['vdi']), side, id))
  return path
}

/** What the QEMU of a side tells, with the time. */
function watchEvents(side: Side) {
  const [program, ...rest] = asNobodySpecial
  const words = ['virsh', '--connect', uriOf(side), 'qemu-monitor-event', '--loop', '--timestamp']
  const watching = execa(program, [...rest, ...words], { reject: false })
  return {
    async stop(): Promise<string> {
      watching.kill('SIGINT')
      return (await watching).stdout
    },
  }
}

interface Told {
  readonly beganMs: number
  readonly endedMs: number
  readonly here: string
  readonly there: string
}

function movedBy({ beganMs, endedMs, here, there }: Told): Moved {
  const copyMs = timeOf(here, /JOB_STATUS_CHANGE .*"created"/)
  const syncedMs = timeOf(here, /BLOCK_JOB_READY|JOB_STATUS_CHANGE .*"ready"/)
  const pausedMs = timeOf(here, /MIGRATION .*"pre-switchover"/)
  const deviceMs = timeOf(here, /MIGRATION .*"device"/)
  const marks: Mark[] = [
    { name: 'launch', atMs: beganMs },
    { name: 'copy', atMs: copyMs },
    { name: 'memory', atMs: syncedMs },
    { name: 'take the mirror out', atMs: pausedMs },
    { name: 'device state', atMs: deviceMs },
    { name: 'after', atMs: timeOf(there, /RESUME/) },
  ]
  const sync = { beganMs: copyMs, endedMs: syncedMs }
  return { beganMs, endedMs, marks, sync, handoverMs: deviceMs - pausedMs }
}

/** "2026-11-23 23:50:01.123+0000: event MIGRATION for domain 'bench': {...}" */
function timeOf(events: string, pattern: RegExp): number {
  const line = events.split('\n').find((candidate) => pattern.test(candidate))
  const [, date, time] = /^(\S+) (\S+)\+0000: /.exec(line ?? '') ?? []
  if (!date || !time) throw new Error(`libvirt told of no ${pattern}:\n${events}`)
  return Date.parse(`${date}T${time}Z`)
}
