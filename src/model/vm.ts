import { z } from 'zod'

export const vmDiskSchema = z.object({
  slot: z.string().describe('the device name in the guest: xvda, vda, ...'),
  device: z.string().describe("path as the VM's configuration names it"),
  readOnly: z.boolean(),
})
export type VmDisk = z.infer<typeof vmDiskSchema>

export const vmInterfaceSchema = z.object({
  slot: z.string().describe('number of the interface: 0, 1, ...'),
  mac: z.string(),
  network: z.string().describe('bridge it is plugged into'),
})
export type VmInterface = z.infer<typeof vmInterfaceSchema>

export const vmStateSchema = z.enum(['running', 'paused', 'suspended', 'shutdown', 'crashed'])
export type VmState = z.infer<typeof vmStateSchema>

/** A VM as its hypervisor shows it. */
export const vmFactsSchema = z.object({
  id: z.string().describe('UUID, the same on every host'),
  name: z.string(),
  state: vmStateSchema,
  vcpus: z.int().positive(),
  memoryBytes: z.int().positive(),
  disks: z.array(vmDiskSchema),
  interfaces: z.array(vmInterfaceSchema),
  obstacles: z
    .array(z.string())
    .describe('why it cannot be live-migrated: passed-through devices, its type, ...'),
})
export type VmFacts = z.infer<typeof vmFactsSchema>

export const vmSchema = vmFactsSchema
  .extend({
    host: z.string(),
    epoch: z
      .int()
      .nonnegative()
      .describe('how often this VM has been handed over, as far as this host knows'),
    operation: z.string().nullable().describe('the operation that holds it'),
  })
  .meta({ id: 'Vm' })
export type Vm = z.infer<typeof vmSchema>

/** What a destination needs to build the VM: common facts, and the rest as its hypervisor's driver wrote it. */
export const vmConfigurationSchema = vmFactsSchema.extend({
  hypervisor: z.string(),
  details: z.record(z.string(), z.unknown()).describe("the driver's own"),
  cpuPolicy: z
    .record(z.string(), z.string())
    .describe('what the guest sees of the CPU, by leaf or feature word'),
})
export type VmConfiguration = z.infer<typeof vmConfigurationSchema>
