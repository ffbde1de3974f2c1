import { afterAll } from 'vitest'
import { startXenApiHosts, vmName } from './xenapi-hosts.ts'
import { openSession } from './xenapi-session.ts'

export type XenApiSession = Awaited<ReturnType<typeof openSession>>

/** Two whole daemons with a session at each, until the tests of the file have ended; a VM, by its reference, runs at the source. */
export async function openXenApiScene() {
  const hosts = await startXenApiHosts()
  afterAll(() => hosts.close())
  const source = await openSession(hosts.source)
  const destination = await openSession(hosts.destination)
  const [vm]: [string] = await source.call('VM.get_by_name_label', vmName)
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
