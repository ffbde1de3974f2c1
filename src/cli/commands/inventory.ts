import type { CliContext } from '../context.ts'
import { daemonUrl } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import {
  cleanedView,
  hostsView,
  leftoversView,
  networksView,
  poolsView,
  vmsView,
  vmView,
} from '../views/inventory-views.ts'

export async function listHosts(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listHosts(), hostsView)
}

export async function addHost(context: CliContext, url: string): Promise<void> {
  const client = await context.toolstack()
  const host = await client.introduceHost({ body: { url: daemonUrl(url) } })
  context.show(host, ({ name, pool }) => `Host ${name} of pool ${pool} is known now.`)
}

export async function removeHost(context: CliContext, host: string): Promise<void> {
  const client = await context.toolstack()
  context.show(await client.forgetHost({ params: { host } }), () => `Host ${host} is forgotten.`)
}

export async function listPools(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listPools(), poolsView)
}

export async function listNetworks(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listNetworks(), networksView)
}

export async function listVms(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listVms(), vmsView)
}

export async function showVm(context: CliContext, vm: string): Promise<void> {
  context.show(await (await context.toolstack()).getVm({ params: { vm } }), vmView)
}

export async function listLeftovers(
  context: CliContext,
  { clean }: { clean?: boolean },
): Promise<ExitCode> {
  const client = await context.storage()
  if (!clean) {
    context.show(await client.leftovers(), leftoversView)
    return exitCodes.done
  }
  const found = await client.cleanLeftovers()
  context.show(found, cleanedView)
  return found.every(({ reason }) => reason === null) ? exitCodes.done : exitCodes.failed
}
