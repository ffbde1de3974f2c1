import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { labSourceDirectory } from './paths.ts'

/** Compiles one of the lab's small C programs; static, for it runs where there is no library. */
export async function compileStatic(
  sources: readonly string[],
  flags: readonly string[] = [],
): Promise<Buffer> {
  const temporary = await mkdtemp(join(tmpdir(), 'crosspool-lab-'))
  try {
    const output = join(temporary, 'program')
    const paths = sources.map((source) => join(labSourceDirectory, source))
    const warnings = ['-Wall', '-Wextra', '-Werror']
    const all = ['-std=gnu11', '-O2', ...warnings, '-static', '-s', ...flags]
    await execa('gcc', [...all, '-o', output, ...paths], { timeout: 120_000 })
    return await readFile(output)
  } finally {
    await rm(temporary, { recursive: true })
  }
}
