import { z } from 'zod'

const range = z.object({ from: z.int().min(0), to: z.int().min(0) })

/** /etc/crosspool/sm.json. docs/reference/configuration.md describes it for users. */
export const storageConfigurationSchema = z.strictObject({
  host: z.string().min(1).optional().describe('name of this host; its host name unless told'),
  listen: z
    .object({
      address: z.string().default('0.0.0.0'),
      port: z.int().min(1).max(65535).default(7310),
    })
    .prefault({})
    .describe('where the storage manager answers'),
  url: z
    .url()
    .optional()
    .describe(
      'how other hosts reach it, as it stands in replication URIs; its host name and port unless told',
    ),
  replicationAddress: z
    .string()
    .optional()
    .describe("this host's address for replication; the host of `url` unless told"),
  stateDirectory: z
    .string()
    .default('/var/lib/crosspool')
    .describe('records, resource files and metadata, which must survive'),
  runtimeDirectory: z
    .string()
    .default('/run/crosspool')
    .describe('sockets of storage processes; emptied at boot. Its path must be short'),
  datapath: z
    .enum(['kernel', 'user'])
    .default('kernel')
    .describe(
      'how VMs reach their disks: device-mapper over DRBD, as root; or a storage process for each disk, as any user',
    ),
  minors: range.default({ from: 1000, to: 1999 }).describe('DRBD minors that it may take'),
  ports: range
    .default({ from: 7800, to: 7999 })
    .describe('TCP ports that it may take for replication'),
})
export type StorageConfiguration = z.infer<typeof storageConfigurationSchema>
