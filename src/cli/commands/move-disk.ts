import type { CliContext } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { findVdi } from './find.ts'
import { followOperation } from './follow-operation.ts'

export async function moveDisk(
  context: CliContext,
  vdi: string,
  options: { readonly to: string; readonly detach?: boolean },
): Promise<ExitCode> {
  const { id } = await findVdi(await context.storage(), vdi)
  const client = await context.toolstack()
  const operation = await client.moveDisk({ params: { vdi: id }, body: { sr: options.to } })
  return followOperation(context, client, operation, options)
}
