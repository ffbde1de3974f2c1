import { waitUntil } from '../lab/support/wait-until.ts'
import type { ClusterHost } from './cluster.ts'

const unit = 'crosspool-capture'
const [seenFile, sizeFile] = ['seen', 'size'].map((name) => `/run/${unit}.${name}`)

/** What was on the wire between two hosts. */
export interface OnTheWire {
  readonly bytes: number
  /** How often each of the patterns was seen, in the order in which they were given. */
  readonly seen: readonly number[]
}

/**
 * Listens with tcpdump on the network card of one host to what it exchanges with another, while something is done.
 * Nothing is kept but what matches: memory and disks are more than a host of the lab has room for.
 */
export async function listenWhile<Result>(
  [{ lab }, other]: readonly [ClusterHost, ClusterHost],
  patterns: readonly string[],
  act: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly wire: OnTheWire }> {
  const card = (await lab.run('ls /sys/class/net/xenbr0/brif | head -n 1')).trim()
  const dump = `tcpdump -Z root -i ${card} -s 0 -B 65536 -U -w - host ${other.lab.address}`
  const search = `grep -a -o -F ${patterns.map((pattern) => `-e "${pattern}"`).join(' ')}`
  const script = `${dump} | tee >(wc -c > ${sizeFile}) | ${search} > ${seenFile}`
  await lab.run(`cat > /run/${unit}.sh`, { input: script })
  await lab.run(
    `systemd-run --collect --unit ${unit} --property KillMode=process bash /run/${unit}.sh`,
  )
  const isListening = async () => (await lab.exec('pgrep -x tcpdump')).exitCode === 0
  try {
    await waitUntil(isListening, { description: 'tcpdump to listen', timeoutMs: 30_000 })
    const result = await act()
    await lab.run(
      `pkill -x tcpdump; while systemctl is-active --quiet ${unit}; do sleep 0.2; done`,
      {
        timeoutMs: 120_000,
      },
    )
    const count = async (pattern: string) =>
      Number(await lab.run(`grep -c -F -- "${pattern}" ${seenFile} || true`))
    const seen: number[] = []
    for (const pattern of patterns) seen.push(await count(pattern))
    return { result, wire: { bytes: Number(await lab.run(`cat ${sizeFile}`)), seen } }
  } finally {
    await lab.exec(`systemctl kill ${unit}; rm -f /run/${unit}.*`)
  }
}
