import type { VmConfiguration } from '../../model/vm.ts'
import type { Accelerator } from './prove-kvm.ts'
import type { QemuProbe } from './qemu-probe.ts'
import type { QemuDetails } from './qemu-vm.ts'

/**
 * The CPU of a guest that asks for none: a versioned model, so that every QEMU builds the same, with
 * what the x86-64-v2 level adds, which today's distributions want. CPUs of both makers have had all
 * of it for more than ten years, and emulation has it too.
 */
export const defaultCpu = [
  'qemu64-v1',
  'cx16=on',
  'lahf-lm=on',
  'popcnt=on',
  'sse4.1=on',
  'sse4.2=on',
  'ssse3=on',
  'svm=off',
].join(',')

/** What a guest sees of its CPU, as words that another host can compare with its own. */
export async function cpuPolicyOf(
  probe: QemuProbe,
  accelerator: Accelerator,
  cpu: string,
): Promise<VmConfiguration['cpuPolicy']> {
  const facts = await probe.cpu(accelerator, cpu)
  if (facts === null) return { accelerator, cpu }
  return { accelerator, cpu, vendor: facts.vendor, features: facts.features.join(' ') }
}

/** What a VM from elsewhere has and this host cannot give it. */
export async function missingHere(
  probe: QemuProbe,
  accelerator: Accelerator,
  details: QemuDetails,
  policy: VmConfiguration['cpuPolicy'],
): Promise<readonly string[]> {
  const missing: string[] = []
  // KVM's guests have devices that emulation lacks, and neither loads the other's state.
  if (policy.accelerator !== undefined && policy.accelerator !== accelerator)
    missing.push(`accelerator ${policy.accelerator}`)
  if (!(await probe.knowsMachine(details.machine))) missing.push(`machine ${details.machine}`)
  const here = await probe.cpu(accelerator, details.cpu)
  if (here === null) return [...missing, details.cpu]
  // Under KVM a guest sees the maker of the host's CPU, whatever its model is.
  if (policy.vendor !== undefined && policy.vendor !== here.vendor)
    missing.push(`vendor ${policy.vendor}`)
  const most = new Set((await probe.cpu(accelerator, 'max'))?.features)
  const wanted = (policy.features ?? here.features.join(' ')).split(' ').filter(Boolean)
  return [...missing, ...wanted.filter((feature) => !most.has(feature))]
}
