import { type Command, Option } from 'commander'
import { parseLimit, parseSetting } from '../parse-options.ts'
import { type Act, examples } from './run-action.ts'
import { usageChecked } from './usage-checked.ts'

const storage = () => import('../commands/storage.ts')
const replications = () => import('../commands/replications.ts')
const vdiArgument = ['<vdi>', 'id, or name if no other VDI has the same'] as const

export function addStorageCommands(program: Command, act: Act): void {
  addSrs(program, act)
  addVdis(program, act)
  addReplications(program, act)
  act(
    program
      .command('leftovers')
      .description('everything of Crosspool on this host and why it is there')
      .option('--clean', 'remove what has no reason and is not in use'),
    async () => (await import('../commands/inventory.ts')).listLeftovers,
  )
}

function addSrs(program: Command, act: Act): void {
  const srs = program.command('srs').description('storage repositories: where volumes are kept')
  act(
    srs.command('list', { isDefault: true }).description('all of this host'),
    async () => (await storage()).listSrs,
  )
  const create = srs
    .command('create')
    .description('makes a volume store known')
    .argument('<name>', 'how it is to be called')
    .requiredOption('--type <type>', 'the volume driver: lvm, file, shared')
    .option(
      '--set <key=value>',
      'a setting of the driver; may be repeated',
      usageChecked(parseSetting),
    )
    .option('--id <uuid>', 'for a shared SR: the same on every host that reaches it')
  examples(create, [
    'crosspool srs create local --type lvm --set volumeGroup=vg0',
    'crosspool srs create images --type file --set directory=/srv/images --set format=qcow2',
  ])
  act(create, async () => (await storage()).createSr)
  act(
    srs
      .command('forget')
      .description('forgets an SR; its volumes stay as they are')
      .argument('<sr>', 'id or name'),
    async () => (await storage()).forgetSr,
  )
}

const changes = [
  ['attach', 'presents the volume to this host'],
  ['activate', 'makes the device that a VM is given'],
  ['deactivate', 'takes that device away'],
  ['detach', 'takes the volume away from this host'],
  ['disown', 'gives an adopted device back as it was'],
] as const

function addVdis(program: Command, act: Act): void {
  const vdis = program
    .command('vdis')
    .description("virtual disks, the administrator's own included")
  act(
    vdis
      .command('list', { isDefault: true })
      .description('all, or those of one SR')
      .option('--sr <sr>', 'only of this SR, by id or name')
      .option('--device <path>', 'only the one that a VM reaches by this path'),
    async () => (await storage()).listVdis,
  )
  act(
    vdis
      .command('show')
      .description('one')
      .argument(...vdiArgument),
    async () => (await storage()).showVdi,
  )
  const create = vdis
    .command('create')
    .description('makes a volume that reads as zeroes')
    .argument('<name>', 'how it is to be called')
    .requiredOption('--sr <sr>', 'where, by id or name')
    .requiredOption('--size <size>', 'for example 10GiB or 512MiB')
  examples(create, ['crosspool vdis create scratch --sr local --size 10GiB'])
  act(create, async () => (await storage()).createVdi)
  act(
    vdis
      .command('destroy')
      .description("removes a volume that Crosspool made; one of the administrator's is refused")
      .argument(...vdiArgument),
    async () => (await storage()).destroyVdi,
  )
  const move = vdis
    .command('move')
    .description('to another SR of this host, while a VM uses it or not')
    .argument(...vdiArgument)
    .requiredOption('--to <sr>', 'where, by id or name')
    .option('--detach', 'do not wait for the end')
  examples(move, ['crosspool vdis move data --to fast'])
  act(move, async () => (await import('../commands/move-disk.ts')).moveDisk)
  for (const [change, description] of changes) {
    act(
      vdis
        .command(change)
        .description(description)
        .argument(...vdiArgument),
      async () => (await storage()).changeVdi(change),
    )
  }
  act(
    vdis
      .command('adopt')
      .description('takes over the device of a running VM that was started without Crosspool')
      .argument(...vdiArgument)
      .argument('<device>', "as the VM's configuration names it"),
    async () => (await storage()).adoptVdi,
  )
}

function addReplications(program: Command, act: Act): void {
  const group = program
    .command('replications')
    .description('disks that are mirrored to another host')
  const id = ['<replication>', 'id of the replication'] as const
  act(
    group.command('list', { isDefault: true }).description('all of this host'),
    async () => (await replications()).listReplications,
  )
  act(
    group
      .command('show')
      .description('one: its state and progress')
      .argument(...id),
    async () => (await replications()).showReplication,
  )
  act(
    group
      .command('target')
      .description('VDI.get_replication_target: prints the URI that the source needs')
      .argument(...vdiArgument)
      .option('--scheme <scheme...>', 'what the source can do, best first'),
    async () => (await replications()).makeTarget,
  )
  act(
    group
      .command('start')
      .description('VDI.replicate_to: mirrors a disk, in use or not, to the target behind the URI')
      .argument(...vdiArgument)
      .argument('<uri>', 'from the other host; it holds a secret and is good for one replication'),
    async () => (await replications()).startReplication,
  )
  act(
    group
      .command('watch')
      .description('one, live until it is stopped; Ctrl-C leaves it alone')
      .argument(...id)
      .option('--until-synced', 'only until both sides are the same'),
    async () => (await replications()).watchReplication,
  )
  act(
    group
      .command('limit')
      .description('copies no faster than this from now on; with DRBD the target keeps the limit')
      .argument(...id)
      .argument(
        '<rate>',
        'bytes in a second, 50M for example; none lifts it',
        usageChecked(parseLimit),
      ),
    async () => (await replications()).limitReplication,
  )
  const keep = new Option('--keep <what>', 'what the device of the VM leads to afterwards')
  act(
    group
      .command('stop')
      .description('takes the mirror out on this side')
      .argument(...id)
      .addOption(keep.choices(['volume', 'nothing']).default('volume')),
    async () => (await replications()).stopReplication,
  )
  examples(group, [
    'uri=$(crosspool --sm "https://10.0.0.9:7310#$fingerprint" replications target copy)',
    'crosspool replications start database-disk "$uri"',
    'crosspool replications',
  ])
}
