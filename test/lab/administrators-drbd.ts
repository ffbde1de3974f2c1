import type { LabHost } from './lab-host.ts'
import { waitUntil } from './support/wait-until.ts'

/** An ordinary DRBD resource of the hosts' administrator, with which Crosspool has nothing to do. */
export interface AdministratorsDrbd {
  readonly resource: string
  readonly device: string
  /** What `drbdadm status` says on each host. Must be the same before and after whatever Crosspool does. */
  status(): Promise<string>
  remove(): Promise<void>
}

const resource = 'admin'
const device = '/dev/drbd0'
const volume = 'admin-drbd'

/** Makes a small resource (minor 0, port 7788), connected and in sync, with `primary` as the Primary. */
export async function administratorsDrbd(
  primary: LabHost,
  secondary: LabHost,
  timeoutMs = 120_000,
): Promise<AdministratorsDrbd> {
  const hosts = [primary, secondary]
  await Promise.all(
    hosts.map(async (host) => {
      const file = `/etc/drbd.d/${resource}.res`
      await host.run(`cat > ${file}`, { input: configuration(primary, secondary) })
      await host.run(`lvcreate --yes --wipesignatures y --size 32M --name ${volume} vg0`)
      await host.run(`modprobe drbd && drbdadm create-md --force ${resource}`)
      await host.run(['drbdadm', 'up', resource], { timeoutMs })
    }),
  )
  // Both are new and empty, so there is nothing to copy.
  const connected = 'Connected'
  await waitUntil(
    async () => (await primary.run(['drbdadm', 'cstate', resource])).includes(connected),
    { description: `DRBD resource ${resource} to connect`, timeoutMs, intervalMs: 500 },
  )
  await primary.run(`drbdadm --clear-bitmap new-current-uuid ${resource}/0`)
  await primary.run(['drbdadm', 'primary', resource])
  await waitUntil(
    async () => (await primary.run(['drbdadm', 'dstate', resource])) === 'UpToDate/UpToDate',
    { description: `DRBD resource ${resource} to be up to date`, timeoutMs, intervalMs: 500 },
  )
  return {
    resource,
    device,
    status: async () =>
      (await Promise.all(hosts.map((host) => host.run(['drbdadm', 'status', resource])))).join(
        '\n',
      ),
    remove: async () => {
      await Promise.all(hosts.map((host) => removeFrom(host)))
    },
  }
}

async function removeFrom(host: LabHost): Promise<void> {
  await host.run(`drbdadm down ${resource} && rm /etc/drbd.d/${resource}.res`)
  await host.run(`lvremove --yes vg0/${volume}`)
}

function configuration(primary: LabHost, secondary: LabHost): string {
  const host = ({ name, address }: LabHost): string => `  on ${name} { address ${address}:7788; }`
  return `# Made by hand, long before anybody heard of Crosspool.
resource ${resource} {
  device ${device} minor 0;
  disk /dev/vg0/${volume};
  meta-disk internal;
  net { protocol C; }
${host(primary)}
${host(secondary)}
}
`
}
