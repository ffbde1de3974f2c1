import { z } from 'zod'
import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { type VmConfiguration, type VmFacts, vmFactsSchema, vmStartSchema } from '../../model/vm.ts'

const macPattern = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/
const absolutePath = z.string().regex(/^\/[^\0\n]*$/)

/**
 * A VM may have this many; each has its own fixed place on the PCI bus, which must be the same
 * wherever the VM goes.
 */
export const disksMax = 16
export const interfacesMax = 8

/**
 * What a VM is made of besides what every hypervisor knows of it: `details` of its configuration.
 * It may come from another host, so it holds no arguments, only words that this host's driver turns
 * into arguments of its own.
 */
export const detailsSchema = z.strictObject({
  /** With its version, so that the guest meets the same hardware whatever QEMU runs it. */
  machine: z.string().regex(/^pc-q35-[0-9.]{1,8}$/),
  cpu: z
    .string()
    .max(500)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(,[a-z0-9][a-z0-9._-]*=(on|off))*$/),
  boot: z.union([
    z.strictObject({
      kernel: absolutePath,
      initrd: absolutePath.optional(),
      arguments: z.string().max(2_000),
    }),
    z.strictObject({ disk: z.literal(true) }),
  ]),
  /** How each interface is connected, by slot; QEMU's own NAT has state that only another NAT takes. */
  networkTypes: z.record(z.string(), z.enum(['bridge', 'user', 'socket'])),
})
export type QemuDetails = z.infer<typeof detailsSchema>

export const qemuVmSchema = z.object({
  id: z.uuid(),
  name: vmStartSchema.shape.name,
  vcpus: vmStartSchema.shape.vcpus,
  memoryBytes: z.int().positive().multipleOf(MiB),
  disks: z
    .array(vmFactsSchema.shape.disks.element.extend({ slot: z.string().regex(/^vd[a-p]$/) }))
    .max(disksMax),
  interfaces: z
    .array(
      vmFactsSchema.shape.interfaces.element.extend({
        slot: z.string().regex(/^[0-7]$/),
        mac: z.string().toLowerCase().regex(macPattern),
      }),
    )
    .max(interfacesMax),
  accelerator: z.enum(['kvm', 'tcg']),
  details: detailsSchema,
})
/** A VM as its folder remembers it. */
export type QemuVm = z.infer<typeof qemuVmSchema>

/** @throws BAD_REQUEST with what is wrong */
export function parseQemuVm(vm: unknown): QemuVm {
  const parsed = qemuVmSchema.safeParse(vm)
  if (parsed.success) return parsed.data
  throw new CrosspoolError('BAD_REQUEST', { reason: reasonOf(parsed.error) }, parsed.error)
}

/** @throws BAD_REQUEST when these are not the details of a QEMU VM */
export function parseDetails(vm: VmConfiguration): QemuDetails {
  const parsed = detailsSchema.safeParse(vm.details)
  if (parsed.success) return parsed.data
  const reason = `the details are not those of a QEMU VM: ${reasonOf(parsed.error)}`
  throw new CrosspoolError('BAD_REQUEST', { reason }, parsed.error)
}

export function factsOf(vm: QemuVm, state: VmFacts['state']): VmFacts {
  const { id, name, vcpus, memoryBytes, disks, interfaces, details } = vm
  const obstacles = isMovable(details.cpu)
    ? []
    : [`CPU model "${details.cpu}" is not the same on every host`]
  return { id, name, state, vcpus, memoryBytes, disks, interfaces, obstacles }
}

function isMovable(cpu: string): boolean {
  return !/^(host|max|base)(,|$)/.test(cpu)
}

function reasonOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
}
