import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createUserDatapath } from '../../src/drivers/datapath-user/index.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import type { Datapath, Disk } from '../../src/ports/datapath.ts'
import { silentLog } from '../../src/ports/log.ts'
import type { DatapathHost } from './datapath.fixture.ts'
import { openNbd, withNbd } from './nbd-guest.ts'
import type { TestLink } from './test-link.ts'

const sectorBytes = 512
/** Not those of another host, and hardly those of other tests that run now. */
const portsEach = 20
let portRanges = process.pid * 10
function nextPorts() {
  portRanges += 1
  const from = 20_000 + (portRanges % 600) * portsEach
  return { from, to: from + portsEach - 1 }
}

const timing = { pulseMs: 100, deadlineMs: 1_000, retryMs: 100, pollMs: 25 }

/** Real storage daemons of QEMU in a folder that stands for a host. */
export interface UserDatapathHost extends DatapathHost {
  readonly directory: string
  makeDisk(sizeBytes: number, format?: Disk['format']): Promise<Disk>
  /** `meanwhile`: what happens while the daemon is away. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
  dispose(): Promise<void>
}

export async function createUserDatapathHost(
  name: string,
  link: TestLink,
): Promise<UserDatapathHost> {
  const directory = await mkdtemp(join(tmpdir(), `cp-${name}-`))
  const ports = nextPorts()
  let disks = 0
  const make = async () => {
    const made = await createUserDatapath({
      ...{ commandRunner: systemCommandRunner, clock: systemClock, log: silentLog, timing },
      ...{ runtimeDirectory: directory, address: '127.0.0.1', ports },
    })
    return { ...made, datapath: throughLink(made.datapath, link) }
  }
  let present = await make()
  return {
    directory,
    get datapath() {
      return present.datapath
    },
    async restart(meanwhile) {
      await present.close()
      await meanwhile?.()
      present = await make()
    },
    async makeDisk(sizeBytes, format = 'raw') {
      disks += 1
      const volumePath = join(directory, `volume-${disks}.${format}`)
      await makeVolume(volumePath, sizeBytes, format)
      return { vdi: `vdi-${name}-${disks}`, sizeBytes, volumePath, format, adopted: null }
    },
    makeAdoptable: null,
    tableOf: async () => '',
    write: writeSector,
    read: readSector,
    async hold(path) {
      const client = await openNbd(path)
      return async () => {
        client.close()
        await client.closed
      }
    },
    async dispose() {
      await present.close()
      await killAll(directory)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The source is told another port, which leads through the link. */
function throughLink(datapath: Datapath, link: TestLink): Datapath {
  return {
    ...datapath,
    async accept(mirror, hello) {
      const welcome = await datapath.accept(mirror, hello)
      return { ...welcome, port: await link.route(Number(welcome.port)) }
    },
  }
}

async function makeVolume(path: string, sizeBytes: number, format: Disk['format']): Promise<void> {
  if (format === 'raw') {
    await writeFile(path, '')
    await truncate(path, sizeBytes)
    return
  }
  const ofFormat = format === 'vhd' ? ['-f', 'vpc', '-o', 'force_size=on'] : ['-f', format]
  await systemCommandRunner.run('qemu-img', ['create', '-q', ...ofFormat, path, String(sizeBytes)])
}

async function writeSector(path: string, sector: number, text: string): Promise<void> {
  const data = Buffer.alloc(sectorBytes)
  data.write(text)
  await withNbd(path, (client) => client.write(sector * sectorBytes, data))
}

async function readSector(path: string, sector: number): Promise<string> {
  const offset = sector * sectorBytes
  const data = path.startsWith('nbd')
    ? await withNbd(path, (client) => client.read(offset, sectorBytes))
    : await readFileSector(path, offset)
  return data.toString().replace(/\0+$/, '')
}

async function readFileSector(path: string, offset: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const data = Buffer.alloc(sectorBytes)
    await file.read(data, 0, sectorBytes, offset)
    return data
  } finally {
    await file.close()
  }
}

/** What a case that failed has left running. */
async function killAll(directory: string): Promise<void> {
  const names = await readdir(directory, { recursive: true })
  for (const name of names.filter((path) => path.endsWith('/pid'))) {
    const pid = await readFile(join(directory, name), 'utf8').catch(() => '')
    if (pid.trim()) await systemCommandRunner.probe('kill', ['-KILL', pid.trim()])
  }
}
