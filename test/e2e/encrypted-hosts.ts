import { Cluster, type ClusterHost } from './cluster.ts'

const settings = '/etc/crosspool/sm.json'

export type HostPair = readonly [ClusterHost, ClusterHost]

/** Two hosts of different pools. */
export async function openHostPair(): Promise<HostPair> {
  const cluster = await Cluster.open()
  return [cluster.host('alpha1'), cluster.host('beta1')]
}

/** Restarts the storage managers with this policy. */
export async function setEncryption(
  policy: 'required' | 'off',
  hosts: readonly ClusterHost[],
): Promise<void> {
  for (const host of hosts) {
    const present = JSON.parse(await host.lab.run(['cat', settings]))
    const input = JSON.stringify({ ...present, encryption: policy })
    await host.lab.run(`cat > ${settings}`, { input })
    await host.lab.run('systemctl restart crosspool-sm', { timeoutMs: 120_000 })
    await host.waitUntilAnswering()
  }
}

/** Our WireGuard interfaces on a host. */
export async function linksOn({ lab }: ClusterHost): Promise<readonly string[]> {
  return (await lab.run('ip -o link show type wireguard')).match(/crosspool\d+/g) ?? []
}
