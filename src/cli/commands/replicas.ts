import type { CliContext } from '../context.ts'
import { droppedReplicasView, replicasView } from '../views/replica-views.ts'

export async function listReplicas(context: CliContext): Promise<void> {
  const replicas = await (await context.toolstack()).listReplicas()
  context.show(replicas, (shown, style) => replicasView(shown, Date.now(), style))
}

export async function dropReplicas(context: CliContext, replica: string): Promise<void> {
  const client = await context.toolstack()
  context.show(await client.dropReplicas({ params: { replica } }), droppedReplicasView)
}
