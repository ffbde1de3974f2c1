import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncDirectory } from '../../lib/write-durably.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { MetadataVolumes } from '../../ports/metadata-volumes.ts'
import { parseOutput } from '../../ports/parse-output.ts'

const suffix = '.metadata'

/** Metadata in sparse files of one directory, presented as loop devices. */
export function createLoopMetadataVolumes(
  commandRunner: CommandRunner,
  directory: string,
): MetadataVolumes {
  const pathOf = (name: string) => join(directory, `${name}${suffix}`)

  /** Path of the file -> loop device. */
  async function attached(): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await commandRunner.run('losetup', losetupList)
    return parseLoopDevices(stdout)
  }

  async function attach(path: string): Promise<string> {
    const { stdout } = await commandRunner
      .run('losetup', ['--find', '--show', '--direct-io=on', path])
      .catch((error: unknown) => {
        // Some file systems cannot; then the kernel's cache is flushed when DRBD asks for it.
        if (!isCrosspoolError(error, 'COMMAND_FAILED')) throw error
        return commandRunner.run('losetup', ['--find', '--show', path])
      })
    return stdout.trim()
  }

  return {
    async create(name, sizeBytes) {
      const path = pathOf(name)
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const device = (await attached()).get(path)
      if (device !== undefined) return device
      await makeFile(path, sizeBytes)
      await syncDirectory(directory)
      return attach(path)
    },

    async remove(name) {
      const path = pathOf(name)
      const device = (await attached()).get(path)
      if (device !== undefined) await commandRunner.run('losetup', ['--detach', device])
      // The kernel detaches a device that is still open when it is closed.
      if ((await attached()).has(path))
        throw new CrosspoolError('BUSY', { kind: 'metadata', id: name, user: 'the replication' })
      await rm(path, { force: true })
    },

    async list() {
      const [devices, names] = await Promise.all([attached(), readdir(directory).catch(noNames)])
      return names
        .filter((name) => name.endsWith(suffix))
        .sort()
        .map((name) => ({
          name: name.slice(0, -suffix.length),
          device: devices.get(join(directory, name)) ?? null,
        }))
    },
  }
}

/** At least so large, and what is in it stays. */
async function makeFile(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    const { size } = await file.stat()
    if (size < sizeBytes) await file.truncate(sizeBytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

function noNames(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return []
  throw error
}

const losetupList = ['--list', '--json', '--output', 'NAME,BACK-FILE']

const loopDevicesSchema = z.object({
  loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string().nullable() })),
})

/** Reads `losetup --list --json`; nothing at all is printed when there is no loop device. */
export function parseLoopDevices(text: string): ReadonlyMap<string, string> {
  if (text.trim() === '') return new Map()
  const { loopdevices } = parseOutput(loopDevicesSchema, text, 'losetup')
  return new Map(
    loopdevices.flatMap((each) => {
      const file = each['back-file']
      return file === null ? [] : [[file, each.name] as const]
    }),
  )
}
