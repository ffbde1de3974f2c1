import type { Preflight } from '../../../model/migration.ts'
import type { Vm } from '../../../model/vm.ts'
import { XenApiFailure } from '../failure.ts'
import { identities, type Place } from '../view/identities.ts'
import { badPowerState } from '../view/vm-objects.ts'

/** What the first failed check means to a client; null when the VM can go. */
export function preflightFailure(
  { checks }: Preflight,
  { vm, source, hostRef }: { readonly vm: Vm; readonly source: Place; readonly hostRef: string },
): XenApiFailure | null {
  const failed = checks.filter(({ result }) => result === 'failed')
  const [first] = failed
  const { ref } = identities.vm(vm.id)
  if (!first) return null
  if (first.name === 'vm-running') return badPowerState(vm, 'Running')
  if (first.name === 'cpu')
    return new XenApiFailure('VM_INCOMPATIBLE_WITH_THIS_HOST', ref, hostRef, first.reason)
  const reasons = failed.map(({ name, subject, reason }) => `${name} (${subject}): ${reason}`)
  const here = identities.host(source).ref
  return new XenApiFailure('VM_MIGRATE_FAILED', ref, here, hostRef, reasons.join('; '))
}
