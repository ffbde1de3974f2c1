import { z } from 'zod'
import { connectionLimitsSchema } from '../connection-limits.ts'

const range = z
  .strictObject({ from: z.int().min(0), to: z.int().min(0) })
  .refine(({ from, to }) => from <= to, 'from must not be greater than to')

export const storageConfigurationFile = '/etc/crosspool/sm.json'

/** docs/reference/configuration.md describes it for users. */
export const storageConfigurationSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .optional()
    .describe('name of this host; its host name unless told')
    .meta({ examples: ['alpha1'] }),
  listen: z
    .strictObject({
      address: z.string().default('0.0.0.0'),
      port: z.int().min(1).max(65535).default(7310),
    })
    .prefault({})
    .describe('where other hosts reach the storage manager, by TLS'),
  connections: connectionLimitsSchema,
  url: z
    .url()
    .optional()
    .describe(
      'how other hosts reach it, as it stands in replication URIs; its host name and port unless told',
    )
    .meta({ examples: ['https://10.0.0.1:7310'] }),
  replicationAddress: z
    .string()
    .optional()
    .describe("this host's address for replication; the host of `url` unless told")
    .meta({ examples: ['10.0.0.1'] }),
  stateDirectory: z
    .string()
    .default('/var/lib/crosspool')
    .describe('records, resource files and metadata, which must survive'),
  runtimeDirectory: z
    .string()
    .default('/run/crosspool')
    .describe(
      'the socket sm.sock of the local API, and those of storage processes; emptied at boot. Its path must be short',
    ),
  datapath: z
    .enum(['kernel', 'user'])
    .default('kernel')
    .describe(
      'how VMs reach their disks: device-mapper over DRBD, as root; or a storage process for each disk, as any user',
    ),
  minors: range.default({ from: 1000, to: 1999 }).describe('DRBD minors that it may take'),
  ports: range
    .default({ from: 7800, to: 7999 })
    .describe('TCP ports that it may take for replication, and UDP ports where it is encrypted'),
  encryption: z
    .enum(['required', 'off'])
    .default('required')
    .describe(
      'how disks travel by DRBD. `off`: in the clear to a host that has it off as well; only for a network that you trust',
    ),
})
export type StorageConfiguration = z.infer<typeof storageConfigurationSchema>
