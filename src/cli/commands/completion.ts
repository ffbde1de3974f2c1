import type { CliContext } from '../context.ts'
import { completionScript, type Shell } from '../program/completion.ts'
import { createProgram } from '../program/program.ts'

export async function completion(context: CliContext, shell: Shell): Promise<void> {
  context.print(
    completionScript(
      createProgram((command) => command),
      shell,
    ).trimEnd(),
  )
}
