import type { Command } from 'commander'
import {
  parseInterval,
  parseKeeping,
  parseKeepMode,
  parseLimit,
  parseMapping,
} from '../parse-options.ts'
import { type Act, examples } from './run-action.ts'
import { usageChecked } from './usage-checked.ts'

const modeText = 'every-write (the VM waits for it) or difference (what differs is noted)'

/** A VM's disks copied beforehand, and what is kept. */
export function addReplicas(program: Command, act: Act): void {
  addReplicate(program, act)
  const replicas = program
    .command('replicas')
    .description(
      'copies of disks that are kept at another host: here, and those that disks here have',
    )
  act(
    replicas
      .command('list', { isDefault: true })
      .description(
        'all, with what they lack, what they take up, and how long they are kept; then when they are refreshed',
      ),
    async () => (await import('../commands/replicas.ts')).listReplicas,
  )
  act(
    replicas
      .command('drop')
      .description(
        'ends one, or all of a VM, on both hosts, and that it is refreshed; volumes of Crosspool are removed with it',
      )
      .argument('<replica|vm>', 'id of the replica, or name or UUID of the VM'),
    async () => (await import('../commands/replicas.ts')).dropReplicas,
  )
  act(
    replicas
      .command('schedules')
      .description('when this host refreshes which replicas, and what came of the last time'),
    async () => (await import('../commands/replicas.ts')).listSchedules,
  )
  examples(replicas, [
    'crosspool replicas',
    'crosspool replicas schedules --json',
    'crosspool replicas drop database',
  ])
}

function addReplicate(program: Command, act: Act): void {
  const replicate = program
    .command('replicate')
    .summary("copies a running VM's disks to another host and keeps the copies there; the VM stays")
    .description(
      "copies a running VM's disks to another host and keeps the copies there; the VM stays\n\n" +
        'A later migration to that host sends only what differs. Done again it brings the copies up to date. ' +
        'The host must be one to which the VM could be migrated.\n\n' +
        'With --every it is done now, and by xapi of this host again and again, with the same options: as long as the ' +
        'VM runs here, also after a restart, and until --every never, or until the replica is dropped. ' +
        '`crosspool replicas` shows when, and what came of it.',
    )
    .argument('<vm>', 'name or UUID')
    .option(
      '--to <destination>',
      "a known host's name, POOL/HOST, or the URL of its xapi; needed unless --every never",
    )
    .option(
      '--every <time>',
      'again and again: 30m, 1h, 1d after it was begun; never: no more',
      usageChecked(parseInterval),
    )
    .option(
      '--for <time>',
      'how long the copies are kept: 12h, 90d, or ever; 7d unless told (with --every 4 times that, if it is more)',
      usageChecked(parseKeeping),
    )
    .option(
      '--mode <mode>',
      `${modeText}; the best that both hosts have unless told, with --every difference`,
      usageChecked(parseKeepMode),
    )
    .option(
      '--sr <from=to>',
      'where disks go: FROM is a slot (xvda) or an SR here, TO an SR there; TO alone is for the rest',
      usageChecked(parseMapping),
    )
    .option(
      '--bandwidth-limit <rate>',
      'copy disks no faster than so many bytes in a second, 50M for example; it can be changed later',
      usageChecked(parseLimit),
    )
    .option('--dry-run', 'make every check of both sides, show it, change nothing')
    .option('--detach', 'do not wait: print the operation that goes on by itself')
  examples(replicate, [
    'crosspool replicate database --to beta1 --for 30d',
    'crosspool replicate database --to beta1 --mode difference',
    'crosspool replicate database --to beta1 --every 1h --bandwidth-limit 50M',
    'crosspool replicate database --every never',
  ])
  act(replicate, async () => (await import('../commands/replicate.ts')).replicate)
}

/** Of a migration: its source's disks stay behind as replicas. */
export function addKeeping(migrate: Command): Command {
  return migrate
    .option(
      '--keep-replica <time>',
      "keep this host's disks as replicas so long (12h, 90d, or ever): going back sends what differs",
      usageChecked(parseKeeping),
    )
    .option('--keep-mode <mode>', modeText, usageChecked(parseKeepMode))
}
