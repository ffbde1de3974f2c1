import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandResult, CommandRunner } from '../../ports/command-runner.ts'
import { failureSchema } from './answers.ts'

/** Making a volume may mean writing it. */
const timeoutMs = 600_000

/** Calls the executables of one plug-in: parameters as one line of JSON, the answer as JSON. */
export class PluginRunner {
  readonly #runner: CommandRunner
  readonly #directory: string

  constructor(runner: CommandRunner, directory: string) {
    this.#runner = runner
    this.#directory = directory
  }

  /** @throws NOT_SUPPORTED when the plug-in lacks the method, COMMAND_FAILED with what it says */
  async call<Answer extends z.ZodType>(
    method: string,
    parameters: Readonly<Record<string, unknown>>,
    answer: Answer,
  ): Promise<z.output<Answer>> {
    const command = await this.find(method)
    if (command === null)
      throw new CrosspoolError('NOT_SUPPORTED', {
        ...{ what: method, reason: `there is no such executable in ${this.#directory}` },
      })
    const input = `${JSON.stringify({ dbg: 'crosspool', ...parameters })}\n`
    const result = await this.#runner.probe(command, ['--json'], { input, timeoutMs })
    if (result.exitCode !== 0) throw failed(command, describeFailure(result), result.exitCode)
    const parsed = answer.safeParse(readJson(result.stdout))
    if (!parsed.success)
      throw failed(command, `it answered ${result.stdout.slice(0, 200)}`, result.exitCode)
    return parsed.data
  }

  /** Names of methods are the same in either case. Null: the plug-in does not have it. */
  async find(method: string): Promise<string | null> {
    const files = await readdir(this.#directory).catch(() => [])
    const name = files.find((file) => file.toLowerCase() === method.toLowerCase())
    return name === undefined ? null : join(this.#directory, name)
  }
}

/** The code and the parameters that SMAPIv3 has for it; else what the program printed. */
function describeFailure({ stdout, stderr }: CommandResult): string {
  const failure = failureSchema.safeParse(readJson(stdout))
  if (!failure.success) return (stderr || stdout).slice(0, 2_000)
  const { code, params } = failure.data
  return [code, ...params.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))].join(
    ' ',
  )
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failed(command: string, output: string, exitCode: number): CrosspoolError {
  return new CrosspoolError('COMMAND_FAILED', { command, how: `exit code ${exitCode}`, output })
}
