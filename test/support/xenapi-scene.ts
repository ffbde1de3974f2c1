import { startXenApiHosts, vmName, type XenApiHosts } from './xenapi-hosts.ts'
import { openSession } from './xenapi-session.ts'

export type XenApiSession = Awaited<ReturnType<typeof openSession>>

/** Two whole daemons with a session at each; a VM runs at the source. */
export interface XenApiScene {
  readonly hosts: XenApiHosts
  readonly source: XenApiSession
  readonly destination: XenApiSession
  /** Its reference, which is the same at both. */
  readonly vm: string
}

export async function openXenApiScene(): Promise<XenApiScene> {
  const hosts = await startXenApiHosts()
  const source = await openSession(hosts.source)
  const destination = await openSession(hosts.destination)
  const [vm] = await source.call('VM.get_by_name_label', vmName)
  return { hosts, source, destination, vm }
}

/** What a call is refused with. */
export const failure = (code: string, ...parameters: unknown[]) => ({ code, parameters })

/** The record of a task once it has ended. */
export async function ended(session: XenApiSession, task: string) {
  for (;;) {
    const record = await session.call('task.get_record', task)
    if (record.status !== 'pending' && record.status !== 'cancelling') return record
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
