import { type Command, Option } from 'commander'
import { roleSchema } from '../../model/access.ts'
import { parseDuration, parsePositive } from '../parse-options.ts'
import { type Act, examples } from './run-action.ts'
import { usageChecked } from './usage-checked.ts'

const access = () => import('../commands/access.ts')
const pool = () => import('../commands/pool.ts')
const ofStorage = ['--storage', 'of the storage manager, not of the toolstack'] as const

/** Who may ask the daemons, and who did. */
export function addAccessCommands(program: Command, act: Act): void {
  addTokens(program, act)
  addPool(program, act)
  act(
    program
      .command('audit')
      .description('changes that were asked for: who, what, when, and what came of it')
      .option('--limit <count>', 'how many, the newest last', usageChecked(parsePositive), 100)
      .option(...ofStorage),
    async () => (await access()).audit,
  )
  act(
    program
      .command('identity')
      .description('the key that this daemon proves to be itself with, as part of its address')
      .option(...ofStorage),
    async () => (await access()).identity,
  )
}

function addTokens(program: Command, act: Act): void {
  const tokens = program
    .command('token')
    .description('who may ask from elsewhere, by tokens that are kept as hashes only')
  act(
    tokens
      .command('list', { isDefault: true })
      .description('all, without their secrets')
      .option(...ofStorage),
    async () => (await access()).listTokens,
  )
  const role = new Option(
    '--role <role>',
    'viewer: look; operator: VMs and disks; administrator: all',
  )
  const create = tokens
    .command('create')
    .description('makes a token and prints it, this once')
    .requiredOption('--name <name>', 'whose it is, for the list and the audit log')
    .addOption(role.choices(roleSchema.options).makeOptionMandatory())
    .option('--expires <time>', 'for example 12h or 90d', usageChecked(parseDuration))
    .option('--curl', 'print a configuration file for `curl --config`, with address and token')
    .option(...ofStorage)
  examples(create, [
    'crosspool token create --name grafana --role viewer --expires 90d',
    '(umask 077; crosspool token create --name me --role operator --curl > alpha1.curl)',
  ])
  act(create, async () => (await access()).createToken)
  act(
    tokens
      .command('revoke')
      .description('ends a token, and cuts whoever is connected with it')
      .argument('<token>', 'id or name')
      .option(...ofStorage),
    async () => (await access()).revokeToken,
  )
}

function addPool(program: Command, act: Act): void {
  const group = program.command('pool').description('hosts that this one trusts, of whatever pool')
  act(
    group.command('list', { isDefault: true }).description('all of them'),
    async () => (await pool()).listPeers,
  )
  act(
    group
      .command('trust')
      .description('prints one line for `pool join` on one other host: good once, for ten minutes'),
    async () => (await pool()).trust,
  )
  act(
    group
      .command('join')
      .description('follows such a line: the two hosts trust and know each other then')
      .argument('<line>', 'from the other host; - reads it from standard input'),
    async () => (await pool()).join,
  )
  act(
    group
      .command('revoke')
      .description('trusts a host no longer, and cuts its connections')
      .argument('<peer>', 'HOST, POOL/HOST, or POOL for all of its hosts'),
    async () => (await pool()).revoke,
  )
  examples(group, [
    'crosspool pool trust',
    'crosspool pool join "$line"',
    'crosspool pool revoke beta',
  ])
}
