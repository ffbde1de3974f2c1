import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CrosspoolError } from '../../model/errors.ts'
import type { HostView } from '../../ports/host-needs.ts'
import { judge } from '../doctor/diagnose.ts'
import { readHostState, type Surroundings } from '../host-state.ts'
import { collectParts, type Parts } from './collect.ts'

export interface BundleOptions {
  /** Left out: a name of its own in the working directory. */
  readonly output?: string
  /** Of daemons that do not log to the journal. */
  readonly logFiles: readonly string[]
}

export interface Bundle {
  readonly file: string
  readonly sizeBytes: number
  /** Paths in it. */
  readonly parts: readonly string[]
}

/** Writes all that somebody who is to help needs, without secrets, as one .tar.gz that only its owner may read. */
export async function writeBundle(
  surroundings: Surroundings,
  options: BundleOptions,
): Promise<Bundle> {
  const state = await readHostState(surroundings)
  const diagnosis = await judge(surroundings, state)
  const { logFiles } = options
  const parts = await collectParts({ surroundings, state, diagnosis, logFiles })
  const moment = new Date(diagnosis.atMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const name = `crosspool-support-${diagnosis.host}-${moment}`
  const file = options.output ?? `${name}.tar.gz`
  await pack(surroundings.host, name, parts, file)
  return { file, sizeBytes: (await stat(file)).size, parts: [...parts.keys()].sort() }
}

async function pack(host: HostView, name: string, parts: Parts, file: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'crosspool-support-'))
  try {
    for (const [path, text] of parts) {
      const place = join(scratch, name, path)
      await mkdir(dirname(place), { recursive: true })
      await writeFile(place, text)
    }
    await writeFile(file, '', { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      throw new CrosspoolError('BAD_REQUEST', { reason }, error)
    })
    const how = ['--create', '--gzip', '--owner=root:0', '--group=root:0', '--sort=name']
    const args = [...how, `--directory=${scratch}`, `--file=${file}`, name]
    const { exitCode, stderr } = await host.probe('tar', args)
    if (exitCode === 0) return
    const details = { command: 'tar', how: `exit code ${exitCode}`, output: stderr }
    throw new CrosspoolError('COMMAND_FAILED', details)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
