import type { Command } from 'commander'
import { type Act, examples } from './run-action.ts'

/** What looks at the host itself, beside asking its daemons. */
export function addHostCommands(program: Command, act: Act): void {
  const doctor = configured(
    program
      .command('doctor')
      .summary('checks this host, and says how to mend what is not as it should be')
      .description(
        'checks this host, and says how to mend what is not as it should be\n\n' +
          'Looks at configuration, daemons, the programs and modules that the chosen drivers need, ports, ' +
          'modes of files, clocks, other hosts, space, and what an interruption has left open. Nothing is ' +
          'changed. Run it as the user of the daemons. Ends with 1 when something failed.',
      ),
  )
  examples(doctor, ['crosspool doctor', 'crosspool doctor --json | jq .findings'])
  act(doctor, async () => (await import('../commands/doctor.ts')).doctor)
}

function configured(command: Command): Command {
  return command
    .option('--sm-config <file>', "the storage manager's configuration, if not the usual one")
    .option('--xapi-config <file>', "the toolstack's configuration, if not the usual one")
}
