import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CrosspoolError } from '../../src/model/errors.ts'
import type { CommandResult, CommandRunner } from '../../src/ports/command-runner.ts'

export interface ScriptedCommand {
  /** The words with which the call must begin. */
  readonly call: string
  readonly stdout?: string
  readonly stderr?: string
  readonly exitCode?: number
}

/** A command runner that answers real output of real tools, in the order in which it is asked. */
export interface ScriptedCommands extends CommandRunner {
  /** All calls so far, each as one line. */
  readonly calls: readonly string[]
}

export function scriptedCommands(script: readonly ScriptedCommand[]): ScriptedCommands {
  const left = [...script]
  const calls: string[] = []
  const probe = async (command: string, args: readonly string[]): Promise<CommandResult> => {
    const call = [command, ...args].join(' ')
    calls.push(call)
    const next = left.shift()
    if (!next || !call.startsWith(next.call))
      throw new Error(`called: ${call}\nthe script has: ${next?.call ?? 'nothing more'}`)
    const { stdout = '', stderr = '', exitCode = 0 } = next
    return { exitCode, stdout, stderr }
  }
  return {
    calls,
    probe,
    async run(command, args) {
      const result = await probe(command, args)
      if (result.exitCode === 0) return result
      const how = `exit code ${result.exitCode}`
      throw new CrosspoolError('COMMAND_FAILED', { command, how, output: result.stderr })
    },
    start() {
      throw new Error('no running command is scripted')
    },
  }
}

/** Real output, captured: `captured('lvm-2.03.16', 'lvs.json')`. */
export function captured(tool: string, file: string): string {
  const directory = resolve(import.meta.dirname, '../captured')
  return readFileSync(join(directory, tool, file), 'utf8')
}
