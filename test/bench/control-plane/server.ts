/**
 * Two hosts of a simulated world in one process, for who measures them from another: started with IPC and
 * --expose-gc, told what to do by messages, and answers each with the memory that is in use then.
 */
import { createHypervisorWorld } from '../../../src/drivers/simulated/hypervisor-world.ts'
import { createStorageWorld } from '../../../src/drivers/simulated/storage-world.ts'
import { systemClock } from '../../../src/drivers/system/clock.ts'
import type { JoinRequest } from '../../../src/ports/peers.ts'
import { openSimulatedHost, storageFingerprint } from './simulated-host.ts'

const [, , folder = '', ...ports] = process.argv
type Host = Awaited<ReturnType<typeof openSimulatedHost>>
const hosts = new Map<string, Host>()

const worlds = {
  vms: createHypervisorWorld(),
  disks: createStorageWorld({ clock: systemClock }),
  folder,
  peers: {
    join: async ({ url }: { url: string }, replication: string, request: JoinRequest) =>
      hostAt(new URL(url).port).storage.join(replication, request, storageFingerprint),
  },
}

for (const [index, port] of ports.entries())
  hosts.set(port, await openSimulatedHost(index === 0 ? 'one' : 'two', Number(port), worlds))

const [one, two] = ports.map(hostAt)
if (one && two) await one.trust.join((await two.trust.invite()).line)

process.on('message', (message) => void obey(String(message)).then(tellMemory))
await tellMemory()

async function obey(order: string): Promise<void> {
  const [verb, argument] = order.split(' ')
  if (verb === 'hold') worlds.disks.holdSync(true)
  if (verb === 'release') worlds.disks.holdSync(false)
  if (verb === 'add-vms')
    for (let number = 1; number <= Number(argument); number += 1)
      await hostAt(ports[0] ?? '').addVm(`vm-${number}`)
}

async function tellMemory(): Promise<void> {
  // What has just ended still hangs on promises that are about to settle.
  await systemClock.sleep(200)
  // What a finalizer frees goes with the second.
  for (const _ of [1, 2]) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.send?.(heapUsed + external)
}

function hostAt(port: string): Host {
  const host = hosts.get(port)
  if (!host) throw new Error(`no host at port ${port}`)
  return host
}
