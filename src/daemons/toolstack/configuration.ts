import { z } from 'zod'

/** /etc/crosspool/xapi.json. docs/reference/configuration.md describes it for users. */
export const toolstackConfigurationSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .optional()
    .describe('name of this host, unique in its pool; its host name unless told'),
  pool: z.string().min(1).default('default').describe('name of the pool that this host is in'),
  listen: z
    .object({
      address: z.string().default('0.0.0.0'),
      port: z.int().min(1).max(65535).default(7311),
    })
    .prefault({})
    .describe('where xapi answers'),
  url: z
    .url()
    .optional()
    .describe('how other hosts reach this xapi; its host name and port unless told'),
  storageManager: z.url().default('http://127.0.0.1:7310').describe("this host's storage manager"),
  hypervisor: z.string().default('xen').describe('which hypervisor runs the VMs'),
  stateDirectory: z
    .string()
    .default('/var/lib/crosspool/xapi')
    .describe('records that must survive'),
  runtimeDirectory: z.string().default('/run/crosspool').describe('sockets; emptied at boot'),
  heartbeat: z
    .object({
      intervalMs: z.int().min(100).default(1_000),
      deadlineMs: z.int().min(1_000).default(10_000),
    })
    .prefault({})
    .describe('between the two sides of a migration'),
})
