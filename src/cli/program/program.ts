import { Argument, Command } from 'commander'
import { version } from '../../lib/version.ts'
import { defaultAddresses, type GlobalOptions } from '../context.ts'
import { exitCodeMeanings } from '../exit-codes.ts'
import { addAccessCommands } from './access-commands.ts'
import { nameKinds, shells, visibleChildren } from './completion.ts'
import { addHostCommands } from './host-commands.ts'
import { type Act, examples } from './run-action.ts'
import { addStorageCommands } from './storage-commands.ts'
import { addToolstackCommands } from './toolstack-commands.ts'

const introduction = `moves running VMs between hosts, inside a pool and across pools

Talks to the daemons of one host: xapi, the toolstack, for VMs and migrations, and sm, the storage
manager, for disks and replications. An address is the path of a daemon's socket, on its own host, or
https://HOST:PORT#FINGERPRINT with a token in the environment (CROSSPOOL_TOKEN).`

/** The whole command tree. Parsing, help and completion come from it alone. */
export function createProgram(act: Act): Command {
  const program = new Command('crosspool')
    .description(introduction)
    .version(version, '--version', 'print the version')
    .option(
      '--xapi <address>',
      `the toolstack (environment: CROSSPOOL_XAPI; ${defaultAddresses.xapi})`,
    )
    .option(
      '--sm <address>',
      `the storage manager (environment: CROSSPOOL_SM; ${defaultAddresses.sm})`,
    )
    .option('--json', 'print documents of the API as JSON, one per line, instead of tables')
    .option('--no-color', 'no colours (also when NO_COLOR is set or the output is no terminal)')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100, sortSubcommands: false })
    .showHelpAfterError('(see --help)')
  addToolstackCommands(program, act)
  addStorageCommands(program, act)
  addAccessCommands(program, act)
  addHostCommands(program, act)
  const completion = program
    .command('completion')
    .description('prints the completion of this command for a shell')
    .addArgument(new Argument('<shell>').choices(shells))
  examples(completion, [
    'source <(crosspool completion bash)',
    'crosspool completion fish | source',
  ])
  act(completion, async () => (await import('../commands/completion.ts')).completion)
  const complete = program
    .command('complete', { hidden: true })
    .description('prints the names of things, for the completion of a shell')
    .addArgument(new Argument('<kinds...>').choices(nameKinds))
  act(complete, async () => (await import('../commands/complete.ts')).complete)
  program.addHelpText('after', () => `\n${exitCodesText()}`)
  examples(program, [
    'crosspool pool join "$line"',
    'crosspool migrate database --to beta1 --sr fast',
    'crosspool --xapi "https://10.0.0.9:7311#$fingerprint" vms',
  ])
  return program
}

/** Of the root, wherever on the line they stand. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>()
}

function exitCodesText(): string {
  const lines = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`)
  return `Exit codes:\n${lines.join('\n')}`
}

/** Every command of the tree with its help, the root first: what the reference page is made of. */
export function helpOfAll(
  program: Command,
): readonly { readonly name: string; readonly help: string }[] {
  const of = (command: Command, parents: string): { name: string; help: string }[] => {
    const name = `${parents}${command.name()}`
    const children = visibleChildren(command)
    return [
      { name, help: fullHelp(command) },
      ...children.flatMap((child) => of(child, `${name} `)),
    ]
  }
  return of(program, '')
}

/** With what follows it: examples, and exit codes. */
export function fullHelp(command: Command): string {
  const parts: string[] = []
  command.configureOutput({ writeOut: (part) => void parts.push(part) })
  command.outputHelp()
  return parts.join('').trimEnd()
}
