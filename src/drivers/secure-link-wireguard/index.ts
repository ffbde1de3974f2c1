import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Random } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { SecureLinks } from '../../ports/secure-link.ts'
import { createLinkFiles, type ReservedLink } from './link-files.ts'
import { findUsedPorts } from './used-ports.ts'
import { formatWgConfiguration } from './wg-configuration.ts'

export interface WireguardLinksOptions {
  readonly commandRunner: CommandRunner
  readonly random: Random
  /** Keys are kept below it for as long as their link, for example /var/lib/crosspool. */
  readonly stateDirectory: string
  /** UDP ports that it may take. */
  readonly ports: { readonly from: number; readonly to: number }
}

const privateKeyBytes = 32
const sysctls = '/proc/sys/net/ipv6/conf'

/**
 * A WireGuard interface of the kernel for each link, beside those of the administrator.
 * @throws NOT_SUPPORTED where there is none
 */
export async function createWireguardLinks(options: WireguardLinksOptions): Promise<SecureLinks> {
  const { commandRunner, random, ports } = options
  await assertAvailable(commandRunner)
  const files = createLinkFiles(join(options.stateDirectory, 'links'))
  const lock = createKeyedLock()
  const locked = <Result>(act: () => Promise<Result>) => lock.run(['links'], act)
  const known = async (name: string) => (await files.list()).find((link) => link.name === name)

  async function reserve(name: string): Promise<ReservedLink> {
    const privateKey = Buffer.from(random.hex(privateKeyBytes), 'hex').toString('base64')
    const publicKey = (await commandRunner.run('wg', ['pubkey'], { input: privateKey })).stdout
    const used = await findUsedPorts(commandRunner)
    const kept = new Set((await files.list()).map(({ port }) => port))
    for (let port = ports.from; port <= ports.to; port += 1) {
      if (used.has(port) || kept.has(port)) continue
      const link = { name, port, privateKey, publicKey: publicKey.trim() }
      await files.add(link)
      return link
    }
    throw new CrosspoolError('NO_FREE_PORT', { ...ports })
  }

  return {
    capabilities: { scheme: 'wireguard' },

    reserve: (name) =>
      locked(async () => {
        const { publicKey, port } = (await known(name)) ?? (await reserve(name))
        return { publicKey, port }
      }),

    establish: (link) =>
      locked(async () => {
        const own = await known(link.name)
        if (!own) throw new CrosspoolError('NOT_FOUND', { kind: 'link', id: link.name })
        const device = deviceOf(own)
        if (!(await isThere(device))) await ip('link', 'add', 'dev', device, 'type', 'wireguard')
        // Where the administrator has switched IPv6 off for new interfaces, this one needs it still.
        await enableIpv6(device)
        // Unlike `setconf` it leaves a session alone that is as it should be.
        await files.lend(own, formatWgConfiguration(own, link), async (path) => {
          await commandRunner.run('wg', ['syncconf', device, path])
        })
        await ip('address', 'replace', `${link.localAddress}/64`, 'dev', device, 'nodad')
        await ip('link', 'set', 'dev', device, 'alias', link.name, 'up')
      }),

    close: (name) =>
      locked(async () => {
        const own = await known(name)
        if (!own) return
        if (await isThere(deviceOf(own))) await ip('link', 'delete', 'dev', deviceOf(own))
        await files.remove(own)
      }),

    list: async () => (await files.list()).map(({ name }) => name).sort(),
  }

  async function ip(...args: readonly string[]): Promise<void> {
    await commandRunner.run('ip', args)
  }
}

/** Its port is its own as long as it lives, and with it the name. */
function deviceOf({ port }: ReservedLink): string {
  return `crosspool${port}`
}

async function enableIpv6(device: string): Promise<void> {
  const path = join(sysctls, device, 'disable_ipv6')
  if ((await readFile(path, 'utf8')).trim() !== '0') await writeFile(path, '0')
}

function isThere(device: string): Promise<boolean> {
  return exists(`/sys/class/net/${device}`)
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function assertAvailable(commandRunner: CommandRunner): Promise<void> {
  const refuse = (reason: string) => {
    throw new CrosspoolError('NOT_SUPPORTED', { what: 'WireGuard', reason })
  }
  if (!(await exists('/sys/module/wireguard'))) {
    const loaded = await commandRunner.probe('modprobe', ['wireguard'])
    if (loaded.exitCode !== 0) refuse('the kernel has no module wireguard')
  }
  if (!(await exists(sysctls))) refuse('the kernel was booted without IPv6')
  await commandRunner
    .probe('wg', ['--version'])
    .catch(() => refuse('there is no command wg; install wireguard-tools'))
}
