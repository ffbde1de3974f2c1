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
  const bundle = configured(
    program
      .command('support-bundle')
      .summary('writes all that somebody who is to help needs into one file, without secrets')
      .description(
        'writes all that somebody who is to help needs into one file, without secrets\n\n' +
          "Versions, configuration, the doctor's report, records and journals of operations, what both daemons " +
          'answer, leftovers, logs, and the state of DRBD, device-mapper, LVM and the hypervisor. Works while ' +
          'daemons are down, too. Run it as the user of the daemons.',
      ),
  )
    .option('--output <file>', 'where; crosspool-support-HOST-TIME.tar.gz unless told')
    .option('--log <file...>', 'logs of daemons that do not log to the journal')
  examples(bundle, [
    'crosspool support-bundle',
    'crosspool support-bundle --output /tmp/help.tar.gz',
  ])
  act(bundle, async () => (await import('../commands/support-bundle.ts')).supportBundle)
}

function configured(command: Command): Command {
  return command
    .option('--sm-config <file>', "the storage manager's configuration, if not the usual one")
    .option('--xapi-config <file>', "the toolstack's configuration, if not the usual one")
}
