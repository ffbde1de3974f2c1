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

/** A halted VM is known here by its definition alone; the others are those of its hypervisor. */
export const vmStateSchema = z.enum([
  'running',
  'paused',
  'suspended',
  'shutdown',
  'crashed',
  'halted',
])
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
    disks: z.array(
      vmDiskSchema.extend({
        vdi: z
          .string()
          .optional()
          .describe('id of its VDI, where the definition of the VM is known here'),
      }),
    ),
    epoch: z
      .int()
      .nonnegative()
      .describe('how often this VM has been handed over, as far as this host knows'),
    operation: z.string().nullable().describe('the operation that holds it'),
  })
  .meta({ id: 'Vm' })
export type Vm = z.infer<typeof vmSchema>

const kernelBoot = {
  kernel: z.string().describe('absolute path on the host'),
  initrd: z.string().optional(),
}
const diskBootSchema = z.object({
  disk: z.literal(true).describe('from the first disk, by firmware'),
})
const bootSchema = z.union([
  z.object({ ...kernelBoot, arguments: z.string().default('') }),
  diskBootSchema,
])
const settledBootSchema = z.union([
  z.object({ ...kernelBoot, arguments: z.string() }),
  diskBootSchema,
])

const macSchema = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)

const common = {
  id: z.uuid().optional().describe('UUID; one is made unless told'),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  vcpus: z.int().positive().max(256).default(1),
  memoryBytes: z.int().positive().describe('a multiple of 1 MiB'),
  cpu: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._,+=-]*$/)
    .optional()
    .describe("CPU model, in the hypervisor's words"),
  boot: bootSchema,
}

/** What a user asks for: a VM on VDIs of this host. */
export const vmCreateSchema = z
  .object({
    ...common,
    disks: z.array(z.object({ vdi: z.string(), readOnly: z.boolean().default(false) })).default([]),
    interfaces: z
      .array(
        z.object({
          network: z.string(),
          mac: macSchema.optional(),
        }),
      )
      .default([]),
  })
  .meta({ id: 'VmCreate' })
export type VmCreate = z.infer<typeof vmCreateSchema>

/** The same with nothing left open: what is kept of a VM while it does not run, and travels with it. */
export const vmDefinitionSchema = z
  .object({
    ...common,
    id: z.uuid(),
    vcpus: common.vcpus.unwrap(),
    boot: settledBootSchema,
    disks: z.array(z.object({ vdi: z.string(), readOnly: z.boolean() })),
    interfaces: z.array(z.object({ network: z.string(), mac: macSchema })),
  })
  .meta({ id: 'VmDefinition' })
export type VmDefinition = z.infer<typeof vmDefinitionSchema>

export const vmRebootSchema = z.object({
  how: z
    .enum(['clean', 'hard'])
    .default('clean')
    .describe('clean: the guest is asked; hard: as if its reset button were pressed'),
})
export type VmReboot = z.infer<typeof vmRebootSchema>['how']

/** What a hypervisor is given: the same with devices in place of VDIs, and nothing left open. */
export const vmStartSchema = z.object({
  ...common,
  id: z.uuid(),
  disks: z.array(vmDiskSchema),
  interfaces: z.array(vmInterfaceSchema),
})
export type VmStart = z.infer<typeof vmStartSchema>

/** A device name in a guest, which is part of what hypervisors are told: nothing but letters and digits. */
export const slotSchema = z.string().regex(/^[a-z0-9]{1,10}$/)

/** What a destination needs to build the VM: common facts, and the rest as its hypervisor's driver wrote it. */
export const vmConfigurationSchema = vmFactsSchema.extend({
  hypervisor: z.string(),
  details: z.record(z.string(), z.unknown()).describe("the driver's own"),
  cpuPolicy: z
    .record(z.string(), z.string())
    .describe('what the guest sees of the CPU, by leaf or feature word'),
})
export type VmConfiguration = z.infer<typeof vmConfigurationSchema>

/** The same as it comes from another host: in forms that can be put into names, paths and records here. */
export const arrivingVmSchema = vmConfigurationSchema.extend({
  id: z.guid().toLowerCase(),
  name: common.name,
  vcpus: z.int().positive().max(4_096),
  disks: z.array(vmDiskSchema.extend({ slot: slotSchema })).max(64),
  interfaces: z
    .array(
      vmInterfaceSchema.extend({
        slot: z.string().regex(/^\d{1,2}$/),
        mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i),
      }),
    )
    .max(32),
})
