import { type Command, CommanderError } from 'commander'
import { isCrosspoolError } from '../model/errors.ts'
import { createContext } from './context.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts'
import { createProgram, globalOptions } from './program/program.ts'
import type { Act, Load } from './program/run-action.ts'
import type { Surroundings } from './surroundings.ts'
import { UsageError } from './usage-error.ts'
import { failureText } from './views/error-view.ts'
import { plainStyle } from './views/style.ts'

/** Does what the command line says and answers the exit code. `args`: without node and the script. */
export async function runCli(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done
  let json = false
  const act: Act = <Given extends readonly unknown[]>(command: Command, load: Load<Given>) =>
    command.action(async (...parsed) => {
      const context = createContext(globalOptions(command), surroundings)
      json = context.json
      const run = await load()
      // Commander gives the arguments, then the options, as the command declares them.
      exitCode = (await run(context, ...given<Given>(parsed.slice(0, -1)))) ?? exitCodes.done
    })

  const program = createProgram(act)
  for (const command of allOf(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return explain(error, json, surroundings)
  }
}

/** That a command's declaration and its function belong together only the table of commands knows. */
function given<Given extends readonly unknown[]>(parsed: readonly unknown[]): Given {
  return parsed as unknown as Given
}

function explain(error: unknown, json: boolean, { stderr }: Surroundings): ExitCode {
  // Commander has told it already; help and version come this way too.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  }
  if (json && isCrosspoolError(error)) stderr.write(`${JSON.stringify(error.toDocument())}\n`)
  else stderr.write(`${failureText(error, plainStyle)}\n`)
  if (error instanceof UsageError) return exitCodes.usage
  return isCrosspoolError(error) ? exitCodeOf(error.code) : exitCodes.failed
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}
