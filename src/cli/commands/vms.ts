import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { vmCreateSchema } from '../../model/vm.ts'
import type { CliContext } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { vmView } from '../views/inventory-views.ts'

export async function startVm(context: CliContext, file: string): Promise<void> {
  const body = parseVm(file === '-' ? await text(process.stdin) : await readVm(file))
  context.show(await (await context.toolstack()).startVm({ body }), vmView)
}

export async function destroyVm(context: CliContext, vm: string): Promise<void> {
  const client = await context.toolstack()
  context.show(await client.destroyVm({ params: { vm } }), () => `VM ${vm} has ended.`)
}

async function readVm(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`)
  })
}

function parseVm(json: string) {
  try {
    return vmCreateSchema.parse(JSON.parse(json))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new UsageError(`this does not describe a VM: ${reason}`)
  }
}
