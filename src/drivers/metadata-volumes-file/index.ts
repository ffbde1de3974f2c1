import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { MetadataVolume, MetadataVolumes } from '../../ports/metadata-volumes.ts'

const losetupSchema = z.object({
  loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string() })),
})

/** One sparse file each, in a folder of their own, presented as a loop device. */
export function createFileMetadataVolumes(
  runner: CommandRunner,
  directory: string,
): MetadataVolumes {
  const fileOf = (name: string) => join(directory, `${name}.metadata`)

  async function deviceOf(file: string): Promise<string | null> {
    const { stdout } = await runner.run('losetup', [
      '--list',
      '--json',
      '--output',
      'NAME,BACK-FILE',
    ])
    if (stdout.trim() === '') return null
    const { loopdevices } = losetupSchema.parse(JSON.parse(stdout))
    return loopdevices.find((device) => device['back-file'] === file)?.name ?? null
  }

  return {
    async create(name, sizeBytes) {
      const file = fileOf(name)
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await ensureFile(file, sizeBytes)
      const present = await deviceOf(file)
      if (present) return present
      // Past the page cache: what DRBD has written there must be on the disk, not in memory.
      const args = ['--find', '--show', '--direct-io=on', file]
      return (await runner.run('losetup', args)).stdout.trim()
    },

    async remove(name) {
      const file = fileOf(name)
      const device = await deviceOf(file)
      if (device) await detach(runner, device, name)
      await rm(file, { force: true })
    },

    async list(): Promise<readonly MetadataVolume[]> {
      const files = await readdir(directory).catch(() => [])
      const names = files
        .filter((file) => file.endsWith('.metadata'))
        .map((file) => file.slice(0, -'.metadata'.length))
      return Promise.all(
        names.map(async (name) => ({ name, device: await deviceOf(fileOf(name)) })),
      )
    },
  }
}

async function ensureFile(file: string, sizeBytes: number): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size >= sizeBytes) return
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.truncate(sizeBytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function detach(runner: CommandRunner, device: string, name: string): Promise<void> {
  try {
    await runner.run('losetup', ['--detach', device])
  } catch (error) {
    const output = isCrosspoolError(error, 'COMMAND_FAILED') ? String(error.details.output) : ''
    if (/busy/i.test(output))
      throw new CrosspoolError('BUSY', { kind: 'metadata volume', id: name, user: device }, error)
    if (!/no such device/i.test(output)) throw error
  }
}
