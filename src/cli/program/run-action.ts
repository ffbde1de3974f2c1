import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'

/** Loads the function that does what a command line asks for. */
export type Load<Given extends readonly unknown[]> = () => Promise<
  (context: CliContext, ...given: Given) => Promise<ExitCode> | Promise<void>
>

/** Says which function does what this command asks for. */
export type Act = <Given extends readonly unknown[]>(command: Command, load: Load<Given>) => Command

/** Examples at the end of a command's help. */
export function examples(command: Command, lines: readonly string[]): Command {
  const [title, ...rest] = [lines.length === 1 ? 'Example:' : 'Examples:', ...lines]
  return command.addHelpText('after', `\n${title}\n${rest.map((line) => `  $ ${line}`).join('\n')}`)
}
