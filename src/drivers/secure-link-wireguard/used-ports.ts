import { readFile } from 'node:fs/promises'
import type { CommandRunner } from '../../ports/command-runner.ts'

/** UDP ports that anybody has open, and those that WireGuard interfaces which are down will take. */
export async function findUsedPorts(commandRunner: CommandRunner): Promise<ReadonlySet<number>> {
  const [wireguard, ...sockets] = await Promise.all([
    commandRunner.run('wg', ['show', 'all', 'listen-port']),
    readFile('/proc/net/udp', 'utf8'),
    readFile('/proc/net/udp6', 'utf8'),
  ])
  return new Set([...parseListenPorts(wireguard.stdout), ...sockets.flatMap(parseUdpPorts)])
}

/** Lines of `INTERFACE <tab> PORT`. */
export function parseListenPorts(text: string): number[] {
  return [...text.matchAll(/^\S+\t(\d+)$/gm)].map(([, port]) => Number(port))
}

/** Reads /proc/net/udp and /proc/net/udp6: the local port of each socket. */
export function parseUdpPorts(text: string): number[] {
  return [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map(([, port]) =>
    Number.parseInt(port ?? '', 16),
  )
}
