import type { ClusterHost } from './cluster.ts'

/** What a host has of things that migrations make: two of these are compared to show that nothing is left behind. */
export interface Traces {
  readonly mappedDevices: readonly string[]
  readonly volumes: readonly string[]
  readonly files: readonly string[]
  readonly loopDevices: readonly string[]
  readonly links: readonly string[]
  readonly drbdMinors: readonly string[]
  readonly listeningPorts: readonly string[]
  readonly domains: readonly string[]
  readonly replications: readonly string[]
  readonly leftovers: readonly string[]
}

const folders = [
  '/srv/images',
  ...['drbd.d', 'links', 'metadata', 'minors'].map((name) => `/var/lib/crosspool/${name}`),
]

/** Reads the host itself, and only last what our own daemon says of it. */
export async function tracesOf(host: ClusterHost): Promise<Traces> {
  const lines = async (command: string) =>
    (await host.lab.run(command)).split('\n').filter(Boolean).sort()
  const leftovers = await host.storage.leftovers()
  return {
    mappedDevices: await lines("dmsetup ls | awk '{print $1}' | sed '/^No/d'"),
    volumes: await lines('lvs --noheadings -o vg_name,lv_name,lv_skip_activation'),
    files: await lines(`find ${folders.join(' ')} -type f 2>/dev/null || true`),
    loopDevices: await lines('losetup --noheadings --output BACK-FILE --list || true'),
    links: await lines("ip -o link show type wireguard | awk '{print $2}'"),
    drbdMinors: await lines('ls -d /sys/block/drbd* 2>/dev/null || true'),
    listeningPorts: await lines("ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -un"),
    domains: await lines("xl list | awk 'NR>1 {print $1}'"),
    replications: (await host.storage.listReplications()).map(({ id }) => id),
    leftovers: leftovers
      .filter(({ reason }) => reason === null)
      .map(({ kind, name }) => `${kind} ${name}`),
  }
}
