import type { Command } from 'commander'
import { type Act, examples } from './run-action.ts'

const inventory = () => import('../commands/inventory.ts')
const commands = () => import('../commands/vms.ts')

export function addVms(program: Command, act: Act): void {
  const group = program
    .command('vms')
    .description('VMs of this host, whoever started them, and halted ones that can be started here')
  const vm = (name: string, description: string) =>
    group.command(name).description(description).argument('<vm>', 'name or UUID')
  act(
    group.command('list', { isDefault: true }).description('all of them'),
    async () => (await inventory()).listVms,
  )
  act(vm('show', 'one, with its disks and interfaces'), async () => (await inventory()).showVm)
  act(
    group
      .command('start')
      .description(
        'starts a halted VM, or a new one on VDIs of this host as a JSON file describes it',
      )
      .argument(
        '<file|vm>',
        'what POST /v1/vms takes, in a *.json or - for standard input; or a VM',
      ),
    async () => (await commands()).startVm,
  )
  act(
    vm('shutdown', 'asks the guest to shut down, and does not wait'),
    async () => (await commands()).shutdownVm,
  )
  act(
    vm('reboot', 'asks the guest to reboot, and does not wait').option(
      '--hard',
      'do not ask: start it anew as if its reset button were pressed',
    ),
    async () => (await commands()).rebootVm,
  )
  act(
    vm('pause', 'makes the guest stand still, its memory kept'),
    async () => (await commands()).pauseVm,
  )
  act(vm('unpause', 'lets a paused guest run on'), async () => (await commands()).unpauseVm)
  act(
    vm('destroy', 'ends a VM as if its power were cut; its disks keep what is on them'),
    async () => (await commands()).destroyVm,
  )
  act(
    vm('forget', 'drops the definition of a halted VM; its VDIs stay'),
    async () => (await commands()).forgetVm,
  )
  examples(group, [
    'crosspool vms',
    'crosspool vms start database.json',
    'crosspool vms shutdown database',
    'crosspool vms start database',
    'crosspool vms --json | jq .[].id',
  ])
}
