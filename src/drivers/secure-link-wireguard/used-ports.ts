import { readFile } from 'node:fs/promises'
import { parseLocalPorts } from '../../lib/local-ports.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'

/** UDP ports that anybody has open, and those that WireGuard interfaces which are down will take. */
export async function findUsedPorts(commandRunner: CommandRunner): Promise<ReadonlySet<number>> {
  const [wireguard, ...sockets] = await Promise.all([
    commandRunner.run('wg', ['show', 'all', 'listen-port']),
    readFile('/proc/net/udp', 'utf8'),
    readFile('/proc/net/udp6', 'utf8'),
  ])
  return new Set([...parseListenPorts(wireguard.stdout), ...parseLocalPorts(sockets.join('\n'))])
}

/** Lines of `INTERFACE <tab> PORT`. */
export function parseListenPorts(text: string): number[] {
  return [...text.matchAll(/^\S+\t(\d+)$/gm)].map(([, port]) => Number(port))
}
