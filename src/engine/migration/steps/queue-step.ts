import type { MigrationLimits, ToolstackEnvironment } from '../../environment.ts'
import { type Admission, createAdmission } from '../../operation/admission.ts'
import type { Step } from '../../operation/step.ts'
import { describeVm } from '../describe-vm.ts'
import type { MigrationContext } from '../memo.ts'

/** One for all migrations that leave this host. */
export function createMigrationAdmission(limits: MigrationLimits | undefined): Admission {
  return createAdmission((thing) => limits?.[kindOf(thing)] ?? null)
}

/** Waits until this host, the link and the SRs of the VM's disks have room for one more. */
export function waitForRoom(
  environment: ToolstackEnvironment,
  admission: Admission,
): Step<MigrationContext> {
  return {
    name: 'queue',
    weight: 0,
    beginsAgain: true,
    async run({ memo, live, signal }) {
      const { disks } = await describeVm(environment, memo.vm.id)
      const things = [
        'host',
        `link ${memo.destinationUrl}`,
        ...new Set(disks.map(({ sr }) => `sr ${sr.id}`)),
      ]
      live.leave = await admission.enter(things, signal)
    },
  }
}

function kindOf(thing: string): keyof MigrationLimits {
  if (thing.startsWith('link ')) return 'link'
  return thing.startsWith('sr ') ? 'sr' : 'host'
}
