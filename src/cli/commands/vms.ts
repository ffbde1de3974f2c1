import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { vmCreateSchema } from '../../model/vm.ts'
import type { CliContext } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { vmView } from '../views/inventory-views.ts'

/** A file is known by its look, so that a VM cannot be mistaken for one that happens to lie here. */
export async function startVm(context: CliContext, named: string): Promise<void> {
  const client = await context.toolstack()
  const isFile = named === '-' || named.includes('/') || named.endsWith('.json')
  if (!isFile) return context.show(await client.startHaltedVm({ params: { vm: named } }), vmView)
  const body = parseVm(named === '-' ? await text(process.stdin) : await readVm(named))
  context.show(await client.startVm({ body }), vmView)
}

export async function shutdownVm(context: CliContext, vm: string): Promise<void> {
  const client = await context.toolstack()
  const answer = await client.shutdownVm({ params: { vm } })
  context.show(answer, () => `VM ${vm} has been asked to shut down.`)
}

export async function rebootVm(
  context: CliContext,
  vm: string,
  { hard = false }: { hard?: boolean },
): Promise<void> {
  const client = await context.toolstack()
  const how = hard ? 'hard' : 'clean'
  const answer = await client.rebootVm({ params: { vm }, body: { how } })
  context.show(answer, () =>
    hard ? `VM ${vm} starts anew.` : `VM ${vm} has been asked to reboot.`,
  )
}

export async function pauseVm(context: CliContext, vm: string): Promise<void> {
  context.show(await (await context.toolstack()).pauseVm({ params: { vm } }), vmView)
}

export async function unpauseVm(context: CliContext, vm: string): Promise<void> {
  context.show(await (await context.toolstack()).unpauseVm({ params: { vm } }), vmView)
}

export async function forgetVm(context: CliContext, vm: string): Promise<void> {
  const client = await context.toolstack()
  const answer = await client.forgetVm({ params: { vm } })
  context.show(answer, () => `VM ${vm} is forgotten; its VDIs stay.`)
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
