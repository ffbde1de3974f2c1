import { text } from 'node:stream/consumers'
import type { CliContext } from '../context.ts'
import { peersView } from '../views/access-views.ts'

export async function listPeers(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listPeers(), peersView)
}

export async function trust(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).invitePeer(), ({ line }) => line)
}

export async function join(context: CliContext, given: string): Promise<void> {
  const line = given === '-' ? (await text(process.stdin)).trim() : given
  const peer = await (await context.toolstack()).joinPeer({ body: { line } })
  context.show(
    peer,
    ({ pool, name }) => `This host and ${pool}/${name} trust and know each other now.`,
  )
}

export async function revoke(context: CliContext, peer: string): Promise<void> {
  const client = await context.toolstack()
  context.show(await client.revokePeer({ params: { peer } }), () => `${peer} is trusted no longer.`)
}
