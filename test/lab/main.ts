import { connect } from 'node:net'
import { Command } from 'commander'
import { execa } from 'execa'
import { TestGuest } from './guest/test-guest.ts'
import {
  attachLab,
  defaultLabName,
  endLab,
  findTopology,
  type Lab,
  startDetachedLab,
} from './lab.ts'
import type { LabLink } from './lab-link.ts'
import type { Direction } from './network/switch.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { runPaths } from './support/paths.ts'
import type { ForwardedPort } from './topology.ts'

/** Command line of the lab: `npx tsx test/lab/main.ts --help`. */

const program = new Command('lab')
  .description('virtual hosts for tests and demos')
  .enablePositionalOptions()

function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--name <name>', 'which lab', defaultLabName)
}

async function requireLab(name: string): Promise<Lab> {
  const lab = await attachLab(name)
  if (!lab) throw new Error(`lab ${name} is not running; start it with "up"`)
  return lab
}

command('up', 'start a lab that stays, and wait until its hosts are up')
  .option('--topology <name>', 'which hosts', 'pools')
  .option('--fresh', 'throw the disks of an earlier run away', false)
  .action(async ({ name, topology, fresh }) => {
    const startMs = performance.now()
    const lab =
      (await attachLab(name)) ?? (await startDetachedLab({ name, topology, isFresh: fresh }))
    await Promise.all(
      lab.hosts.map(async (host) => {
        await host.waitUntilUp()
        console.log(`${host.name} up after ${seconds(performance.now() - startMs)}`)
      }),
    )
  })

command('down', 'end a lab; its disks stay').action(async ({ name }) => {
  await endLab(name)
})

command('status', 'show hosts, links and guests')
  .option('--json', 'as JSON', false)
  .action(async ({ name, json }) => {
    const lab = await requireLab(name)
    const status = await lab.status()
    const guests = await lab.guests()
    if (json) {
      console.log(JSON.stringify({ ...status, guests }, null, 2))
      return
    }
    for (const host of status.hosts) {
      const ports = Object.entries(host.ports).map(([service, port]) => `${service}=${port}`)
      const columns = [host.name, host.pool, host.kind, host.phase, host.address, ports.join(' ')]
      console.log(columns.join('\t'), host.lastProblem ?? '')
    }
    for (const [link, shape] of Object.entries(status.shapes))
      console.log(link, JSON.stringify(shape))
    for (const { guest, last, count } of guests) {
      const ageMs = Date.now() - last.arrivedMs
      console.log(`guest ${guest} on ${last.host}, heard ${seconds(ageMs)} ago, ${count} reports`)
    }
  })

command('exec <host> <command...>', 'run a command on a host')
  .passThroughOptions()
  .allowUnknownOption()
  .action(async (hostName: string, words: string[], { name }) => {
    const host = (await requireLab(name)).host(hostName)
    // One word may be a whole shell command, as with ssh.
    const { stdout, stderr, exitCode } = await host.exec(
      words.length === 1 ? (words[0] ?? '') : words,
      {
        timeoutMs: 3_600_000,
      },
    )
    process.stdout.write(stdout)
    process.stderr.write(stderr)
    process.exitCode = exitCode
  })

command('upload <host> <local> <remote>', 'copy a file or folder to a host').action(
  async (host: string, local: string, remote: string, { name }) =>
    (await requireLab(name)).host(host).upload(local, remote),
)

command('download <host> <remote> <local>', 'copy a file or folder from a host').action(
  async (host: string, remote: string, local: string, { name }) =>
    (await requireLab(name)).host(host).download(remote, local),
)

command(
  'port <host> <service>',
  'the port of loopback that leads to ssh, sm or xapi of a host',
).action(async (host: string, service: ForwardedPort, { name }) =>
  console.log((await requireLab(name)).host(host).port(service)),
)

command('ssh <host>', 'open a shell on a host').action(async (hostName: string, { name }) => {
  await requireLab(name)
  const socket = runPaths(name).sshSocket(hostName)
  await execa('ssh', ['-t', '-S', socket, 'root@host'], { stdio: 'inherit', reject: false })
})

command('console <host>', 'join the console of a host; ends with control-] ').action(
  async (hostName: string, { name }) => {
    await requireLab(name)
    const socket = connect(runPaths(name).consoleSocket(hostName))
    process.stdin.setRawMode?.(true)
    process.stdin.on('data', (keys: Buffer) => {
      if (keys.includes(0x1d)) process.exit(0)
      socket.write(keys)
    })
    socket.pipe(process.stdout)
    socket.on('close', () => process.exit(0))
  },
)

for (const operation of ['start', 'powerCut', 'reboot'] as const) {
  const spelled = operation.replace('C', '-c')
  command(`${spelled} <host>`, `${spelled} a host`).action(async (hostName: string, { name }) => {
    await (await requireLab(name)).host(hostName)[operation]()
  })
}

command('guest-start <host> <guest>', 'start a test guest by plain xl create')
  .requiredOption('--disk <disk...>', 'as in xl.cfg, for example phy:/dev/vg0/mine')
  .option('--number <number>', 'last number of its address; another one for each guest', '100')
  .action(async (hostName: string, guestName: string, { name, disk, number }) => {
    const lab = await requireLab(name)
    const guest = new TestGuest(lab, { name: guestName, disks: disk, number: Number(number) })
    await guest.startOn(lab.host(hostName))
    console.log(`${guest.name} runs on ${hostName} at ${guest.address}`)
  })

/** `ALPHA` is a host's own link, `ALPHA:BETA` the path between two hosts. */
function link(lab: Lab, spelled: string): LabLink {
  const [first, second] = spelled.split(':')
  if (first === undefined) throw new Error('which link?')
  return second === undefined ? lab.link(first) : lab.between(first, second)
}

command('cut <link>', 'pull a cable: HOST, or HOST:HOST').action(
  async (spelled: string, { name }) => link(await requireLab(name), spelled).cut(),
)

command('heal [link]', 'make a link, or all, healthy').action(async (spelled, { name }) => {
  const lab = await requireLab(name)
  await (spelled === undefined ? lab.healAll() : link(lab, spelled).heal())
})

for (const [kind, unit] of [
  ['delay', 'ms'],
  ['loss', 'percent'],
  ['bandwidth', 'bytes-per-second'],
] as const) {
  command(`${kind} <link> <${unit}>`, `${kind} of a link in ${unit}`)
    .option('--direction <direction>', 'both, out or in', 'both')
    .action(async (spelled: string, amount: string, { name, direction }) => {
      await link(await requireLab(name), spelled)[kind](Number(amount), direction as Direction)
    })
}

command('blackhole <link>', 'let frames vanish without anybody being told')
  .option('--direction <direction>', 'both, out or in', 'both')
  .action(async (spelled: string, { name, direction }) => {
    await link(await requireLab(name), spelled).blackhole(direction as Direction)
  })

program
  .command('supervise', { hidden: true })
  .requiredOption('--name <name>')
  .requiredOption('--topology <name>')
  .option('--fresh', '', false)
  .action(async ({ name, topology, fresh }) => {
    const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`)
    const supervisor = new Supervisor({
      name,
      topology: findTopology(topology),
      isFresh: fresh,
      log,
    })
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => supervisor.stop())
    await supervisor.start()
    await supervisor.ended
    process.exit(0)
  })

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
