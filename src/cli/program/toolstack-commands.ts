import type { Command } from 'commander'
import { parseLimit, parseMapping, parsePositive, parseSeconds } from '../parse-options.ts'
import { addKeeping, addReplicas } from './replica-commands.ts'
import { type Act, examples } from './run-action.ts'
import { usageChecked } from './usage-checked.ts'
import { addVms } from './vm-commands.ts'

const inventory = () => import('../commands/inventory.ts')
const operations = () => import('../commands/operations.ts')

export function addToolstackCommands(program: Command, act: Act): void {
  addMigrate(program, act)
  addReplicas(program, act)
  addVms(program, act)
  addHosts(program, act)
  act(
    program.command('pools').description('pools, and the hosts of each that this host knows'),
    async () => (await inventory()).listPools,
  )
  act(
    program.command('networks').description('networks of this host that a VM can be plugged into'),
    async () => (await inventory()).listNetworks,
  )
  addOperations(program, act)
  addWatch(program, act)
  addRecover(program, act)
}

function addMigrate(program: Command, act: Act): void {
  const migrate = program
    .command('migrate')
    .summary('moves a running VM to another host, of this pool or of another')
    .description(
      'moves a running VM to another host, of this pool or of another, with its disks\n\n' +
        'Checks everything first; what fails is shown, and nothing has been changed. Disks that the ' +
        'destination cannot reach are mirrored while the VM runs, then its memory follows, and the ' +
        'VM pauses only for the handover. Ctrl-C cancels: the VM runs on where it is. Once it has ' +
        'been released to the destination, the migration only goes forwards.',
    )
    .argument('<vm>', 'name or UUID')
    .requiredOption('--to <destination>', "a known host's name, POOL/HOST, or the URL of its xapi")
    .option(
      '--sr <from=to>',
      'where disks go: FROM is a slot (xvda) or an SR here, TO an SR there; TO alone is for the rest',
      usageChecked(parseMapping),
    )
    .option(
      '--network <from=to>',
      'where interfaces are plugged in: FROM is a MAC or a network here; TO alone is for the rest',
      usageChecked(parseMapping),
    )
    .option('--dry-run', 'make every check of both sides, show it, change nothing')
    .option('--keep-source-disks', "leave this host's disks where they are, detached")
  addKeeping(migrate)
    .option(
      '--patience <seconds>',
      'wait so long for a lost link while disks are copied, then go on where it was',
      usageChecked(parsePositive),
    )
    .option(
      '--bandwidth-limit <rate>',
      'copy disks no faster than so many bytes in a second, 50M for example; it can be changed later',
      usageChecked(parseLimit),
    )
    .option('--verify', 'compare both sides of every copied disk before the memory moves (DRBD)')
    .option(
      '--downtime-limit <ms>',
      'pause only when the last memory is expected to take no longer (QEMU)',
      usageChecked(parsePositive),
    )
    .option('--auto-converge', 'slow a guest down that writes memory too fast (QEMU)')
    .option('--compress-memory', 'send the memory compressed, for slow links; it costs a processor')
    .option('--detach', 'do not wait: print the operation that goes on by itself')
  examples(migrate, [
    'crosspool migrate database --to beta1 --dry-run',
    'crosspool migrate database --to beta/beta1 --sr xvda=fast --sr bulk --network xenbr0=lan',
    'crosspool migrate database --to beta1 --keep-replica 2h',
    'crosspool migrate database --to https://10.0.0.9:7311 --json | tail -n 1 | jq .details.figures',
  ])
  act(migrate, async () => (await import('../commands/migrate.ts')).migrate)
}

function addHosts(program: Command, act: Act): void {
  const hosts = program
    .command('hosts')
    .description('this host and those that were introduced to it, of this pool and of others')
  act(
    hosts.command('list', { isDefault: true }).description('all of them'),
    async () => (await inventory()).listHosts,
  )
  act(
    hosts
      .command('add')
      .description(
        'makes a host known that is trusted, so that VMs can be migrated to it by its name',
      )
      .argument('<url>', 'of its xapi; HOST:PORT is enough'),
    async () => (await inventory()).addHost,
  )
  act(
    hosts
      .command('remove')
      .description('forgets a host; nothing happens on it')
      .argument('<host>', 'its name'),
    async () => (await inventory()).removeHost,
  )
  examples(hosts, ['crosspool hosts', 'crosspool hosts add https://10.0.0.9:7311'])
}

function addRecover(program: Command, act: Act): void {
  const command = program
    .command('recover')
    .summary('who may run which VM, and what would settle what is open')
    .description(
      'who may run which VM, and what would settle what is open\n\n' +
        'After any cut the two hosts find the truth by themselves as soon as they can talk; until then ' +
        'the side that may not run the VM does not. Where they never will, you decide. Look at the ' +
        'other host first: a wrong decision can make the VM run twice.',
    )
    .argument('[vm]', 'name or UUID; left out: all that is open')
    .option('--all', 'settled ones too')
    .option('--claim', 'the destination is lost for good and does not run the VM: it runs on here')
    .option('--it-ran', 'here the VM has run: the source lets go of it')
    .option('--it-never-ran', 'here the VM has certainly not run: the source takes it back')
    .option('--sure', 'that you have looked at the other host')
  examples(command, ['crosspool recover', 'crosspool recover database --claim --sure'])
  act(command, async () => (await import('../commands/recover.ts')).recover)
}

function addOperations(program: Command, act: Act): void {
  const group = program
    .command('operations')
    .description('migrations: those that run and those that ran')
  const id = ['<operation>', 'id of the operation'] as const
  act(
    group.command('list', { isDefault: true }).description('all, the newest first'),
    async () => (await operations()).listOperations,
  )
  act(
    group
      .command('show')
      .description('one: its steps, progress and outcome')
      .argument(...id),
    async () => (await operations()).showOperation,
  )
  act(
    group
      .command('watch')
      .description('one, live until it has ended; Ctrl-C leaves it alone')
      .argument(...id),
    async () => (await operations()).watch,
  )
  act(
    group
      .command('cancel')
      .description('takes everything back; refused once the VM has been released')
      .argument(...id),
    async () => (await operations()).cancelOperation,
  )
  act(
    group
      .command('wait')
      .description('until no migration leaves or arrives: before the daemons or the host stop')
      .option(
        '--timeout <seconds>',
        'fail when one still runs after so long; 0 asks once',
        usageChecked(parseSeconds),
      ),
    async () => (await import('../commands/wait-until-idle.ts')).waitUntilIdle,
  )
  act(
    group
      .command('limit')
      .description('copies the disks no faster than this from now on')
      .argument(...id)
      .argument(
        '<rate>',
        'bytes in a second, 50M for example; none lifts it',
        usageChecked(parseLimit),
      ),
    async () => (await operations()).limitOperation,
  )
  examples(group, [
    'crosspool operations',
    'crosspool operations cancel 0b6c1f2e-…',
    'crosspool operations limit 0b6c1f2e-… 50M',
  ])
}

function addWatch(program: Command, act: Act): void {
  const watch = program
    .command('watch')
    .summary('shows migrations and moves of disks, live')
    .description(
      'shows migrations and moves of disks, live\n\n' +
        'Phases, the progress, rate and expected end of each disk, passes through the memory, and the ' +
        'heartbeat. Lines of text where the output is no terminal. Without an argument all that run here, ' +
        'until none does; else that of one VM, or one operation, until it has ended, and ends as it did. ' +
        'Ctrl-C ends only the watching.',
    )
    .argument('[vm|operation]', 'name or UUID of a VM, or id of an operation')
  examples(watch, ['crosspool watch', 'crosspool watch database'])
  act(watch, async () => (await import('../commands/watch.ts')).watchAnything)
}
