import type { CliContext } from '../context.ts'
import { droppedReplicasView, replicasView, schedulesView } from '../views/replica-views.ts'

/** With each that has a schedule comes how far that is; one of which there is no replica yet is shown all the same. */
export async function listReplicas(context: CliContext): Promise<void> {
  const client = await context.toolstack()
  const [replicas, schedules] = await Promise.all([
    client.listReplicas(),
    client.listReplicaSchedules(),
  ])
  const nowMs = Date.now()
  context.show(replicas, (shown, style) => {
    const kept = replicasView(shown, nowMs, style)
    return schedules.length === 0 ? kept : `${kept}\n\n${schedulesView(schedules, nowMs, style)}`
  })
}

export async function listSchedules(context: CliContext): Promise<void> {
  const schedules = await (await context.toolstack()).listReplicaSchedules()
  context.show(schedules, (shown, style) => schedulesView(shown, Date.now(), style))
}

export async function dropReplicas(context: CliContext, replica: string): Promise<void> {
  const client = await context.toolstack()
  context.show(await client.dropReplicas({ params: { replica } }), droppedReplicasView)
}
