import { readdir, readFile } from 'node:fs/promises'
import { parseLocalPorts } from '../../lib/local-ports.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import {
  parseBlockDeviceMinors,
  parseConfiguredNumbers,
  type UsedNumbers,
} from './parse-used-numbers.ts'

/**
 * Minors and ports that somebody else uses or is going to use: what is up, what stands in the
 * administrator's configuration though it is down, and what any program has open.
 */
export async function findUsedNumbers(commandRunner: CommandRunner): Promise<UsedNumbers> {
  const [configured, up, blockDevices, ...sockets] = await Promise.all([
    administratorsConfiguration(commandRunner),
    commandRunner.probe('drbdsetup', ['show', 'all']),
    readdir('/sys/block'),
    readText('/proc/net/tcp'),
    readText('/proc/net/tcp6'),
  ])
  const files = parseConfiguredNumbers(configured)
  const kernel = parseConfiguredNumbers(up.stdout)
  return {
    minors: new Set([...files.minors, ...kernel.minors, ...parseBlockDeviceMinors(blockDevices)]),
    ports: new Set([
      ...files.ports,
      ...kernel.ports,
      ...sockets.flatMap((text) => [...parseLocalPorts(text)]),
    ]),
  }
}

/** As drbdadm understands it, or the bare text of the usual files where it does not. */
async function administratorsConfiguration(commandRunner: CommandRunner): Promise<string> {
  const dump = await commandRunner.probe('drbdadm', ['dump', 'all'])
  if (dump.exitCode === 0) return dump.stdout
  const directory = '/etc/drbd.d'
  const names = await readdir(directory).catch(() => [])
  const paths = ['/etc/drbd.conf', ...names.map((name) => `${directory}/${name}`)]
  return (await Promise.all(paths.map(readText))).join('\n')
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
