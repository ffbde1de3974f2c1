import { constants, mkdir, open, rm } from 'node:fs/promises'
import { systemCommandRunner as runner } from '../../src/drivers/system/command-runner.ts'
import type { AgentOptions } from './datapath-agent.ts'

const sectorBytes = 512

/** Disks and raw I/O past all caches, for tests on a host. */
export interface TestDisks {
  /** A loop device over a new file of zeroes. */
  makeLoop(sizeBytes: number): Promise<string>
  /** An LV of zeroes. */
  makeVolume(sizeBytes: number): Promise<string>
  write(path: string, sector: number, text: string): Promise<void>
  read(path: string, sector: number): Promise<string>
  hold(path: string): Promise<number>
  letGo(handle: number): Promise<void>
  tableOf(name: string): Promise<string>
  /** Drops, or passes again, the packets of the test's own ports. */
  setLink(isUp: boolean): Promise<void>
  remove(): Promise<void>
}

export function createTestDisks({
  prefix,
  volumeGroup,
  stateDirectory,
  ports,
}: AgentOptions): TestDisks {
  const held = new Map<number, Awaited<ReturnType<typeof open>>>()
  const loops: string[] = []
  const volumes: string[] = []
  let made = 0
  let handles = 0

  return {
    async makeLoop(sizeBytes) {
      made += 1
      await mkdir(stateDirectory, { recursive: true })
      const path = `${stateDirectory}/${prefix}-${made}.img`
      const file = await open(path, 'w')
      await file.truncate(sizeBytes)
      await file.close()
      const { stdout } = await runner.run('losetup', ['--find', '--show', path])
      loops.push(stdout.trim(), path)
      return stdout.trim()
    },

    async makeVolume(sizeBytes) {
      made += 1
      const name = `${prefix}${made}`
      const volume = `${volumeGroup}/${name}`
      await runner.run('lvcreate', ['-y', '-L', `${sizeBytes}b`, '-n', name, volumeGroup])
      volumes.push(volume)
      const path = `/dev/${volume}`
      await runner.run('dd', [
        ...['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${sizeBytes / 1024 / 1024}`],
        'oflag=direct',
      ])
      return path
    },

    async write(path, sector, text) {
      const buffer = alignedBuffer()
      buffer.write(text)
      await withDevice(path, constants.O_WRONLY, (file) =>
        file.write(buffer, 0, sectorBytes, sector * sectorBytes),
      )
    },

    async read(path, sector) {
      const buffer = alignedBuffer()
      await withDevice(path, constants.O_RDONLY, (file) =>
        file.read(buffer, 0, sectorBytes, sector * sectorBytes),
      )
      return buffer.toString('utf8').replace(/\0+$/, '')
    },

    async hold(path) {
      handles += 1
      const handle = handles
      held.set(handle, await open(path, 'r+'))
      return handle
    },

    async letGo(handle) {
      await held.get(handle)?.close()
      held.delete(handle)
    },

    async tableOf(name) {
      return (await runner.run('dmsetup', ['table', name])).stdout.trim()
    },

    async setLink(isUp) {
      const prio = ['prio', String(ports.from)]
      await runner.probe('tc', ['filter', 'del', 'dev', 'xenbr0', 'egress', ...prio])
      if (isUp) return
      await runner.probe('tc', ['qdisc', 'add', 'dev', 'xenbr0', 'clsact'])
      for (const protocol of ['tcp', 'udp'])
        for (const port of ['dst_port', 'src_port'])
          await runner.run('tc', [
            ...['filter', 'add', 'dev', 'xenbr0', 'egress', 'protocol', 'ip', ...prio],
            ...[
              'flower',
              'ip_proto',
              protocol,
              port,
              `${ports.from}-${ports.to}`,
              'action',
              'drop',
            ],
          ])
    },

    async remove() {
      await this.setLink(true)
      for (const file of held.values()) await file.close()
      held.clear()
      for (const path of loops.splice(0)) {
        if (path.startsWith('/dev/')) await runner.run('losetup', ['--detach', path])
        else await rm(path)
      }
      for (const volume of volumes.splice(0)) await runner.run('lvremove', ['-y', '-f', volume])
    },
  }
}

async function withDevice(
  path: string,
  mode: number,
  act: (file: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
): Promise<void> {
  const file = await open(path, mode | constants.O_DIRECT)
  try {
    await act(file)
  } finally {
    await file.close()
  }
}

/** I/O past the cache wants memory that begins at a page, and this is how to get some. */
function alignedBuffer(): Buffer {
  const memory = new webAssembly.Memory({ initial: 1, maximum: 1 })
  return Buffer.from(memory.buffer, 0, 4096)
}

/** Node has it; its types come with those of browsers only. */
const { WebAssembly: webAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (pages: object) => { readonly buffer: ArrayBuffer } }
}
