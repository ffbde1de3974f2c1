import { z } from 'zod'
import { connectionLimitsSchema } from '../connection-limits.ts'

const networkSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bridge'), bridge: z.string() }),
  z.strictObject({ type: z.literal('user') }),
  z.strictObject({ type: z.literal('socket'), path: z.string() }),
])

const kernelDirectories = z
  .array(z.string())
  .default(['/boot', '/var/lib/crosspool/kernels'])
  .describe('where the kernels and initrds of VMs may lie')

export const toolstackConfigurationFile = '/etc/crosspool/xapi.json'

/** docs/reference/configuration.md describes it for users. */
export const toolstackConfigurationSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .optional()
    .describe('name of this host, unique in its pool; its host name unless told')
    .meta({ examples: ['alpha1'] }),
  pool: z.string().min(1).default('default').describe('name of the pool that this host is in'),
  listen: z
    .strictObject({
      address: z.string().default('0.0.0.0'),
      port: z.int().min(1).max(65535).default(7311),
    })
    .prefault({})
    .describe('where other hosts reach xapi, by TLS'),
  connections: connectionLimitsSchema,
  url: z
    .url()
    .optional()
    .describe('how other hosts reach this xapi; its host name and port unless told')
    .meta({ examples: ['https://10.0.0.1:7311'] }),
  storageManager: z
    .string()
    .default('/run/crosspool/sm.sock')
    .describe("the socket of this host's storage manager"),
  hypervisor: z.enum(['xen', 'qemu']).default('xen').describe('which hypervisor runs the VMs'),
  qemu: z
    .strictObject({
      networks: z
        .record(z.string(), networkSchema)
        .default({})
        .describe(
          'networks by name: a bridge of the host, a NAT of its own, or the Unix socket of a switch',
        ),
      accelerator: z
        .enum(['auto', 'kvm', 'tcg'])
        .default('auto')
        .describe('auto: KVM where it is seen to work, else emulation'),
      kernelDirectories,
    })
    .prefault({})
    .describe('for hypervisor qemu'),
  xen: z.strictObject({ kernelDirectories }).prefault({}).describe('for hypervisor xen'),
  stateDirectory: z
    .string()
    .default('/var/lib/crosspool/xapi')
    .describe('records that must survive'),
  runtimeDirectory: z
    .string()
    .default('/run/crosspool')
    .describe('the socket xapi.sock of the local API, and others; emptied at boot'),
  limits: z
    .strictObject({
      host: z.int().min(1).default(4).describe('leaving this host, and arriving at it'),
      link: z.int().min(1).default(2).describe('to one destination'),
      peer: z.int().min(1).default(2).describe('arriving from one host'),
      sr: z.int().min(1).default(4).describe('from one SR'),
    })
    .prefault({})
    .describe('how many migrations run at once; more of them wait'),
  heartbeat: z
    .strictObject({
      intervalMs: z.int().min(100).max(3_600_000).default(1_000),
      deadlineMs: z
        .int()
        .min(1_000)
        .max(24 * 3_600_000)
        .default(10_000),
    })
    .refine(
      ({ intervalMs, deadlineMs }) => intervalMs < deadlineMs,
      'deadlineMs must be greater than intervalMs',
    )
    .prefault({})
    .describe('between the two sides of a migration'),
})
export type ToolstackConfiguration = z.infer<typeof toolstackConfigurationSchema>
