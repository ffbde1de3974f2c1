import { execa } from 'execa'

const marker = 'CROSSPOOL_BENCH_NETWORK'

/**
 * Runs `act` in a network namespace of its own, whose loopback is a link of this speed: then nothing but
 * the benchmark is counted, and a byte costs the same whoever sends it. Starts this script again in there.
 */
export async function inOwnNetwork(bitsPerSecond: number, act: () => Promise<void>): Promise<void> {
  if (process.env[marker]) return await act()
  const link = `ip link set lo up && tc qdisc add dev lo root tbf rate ${bitsPerSecond}bit burst 256k latency 50ms`
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const words = ['--user', '--map-root-user', '--net', 'sh', '-c', `${link} && exec "$@"`, 'sh']
  const { exitCode } = await execa('unshare', [...words, ...again], {
    ...{ stdio: 'inherit', reject: false, env: { [marker]: '1' } },
  })
  process.exitCode = exitCode ?? 1
}
