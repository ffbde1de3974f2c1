import { apiVersion } from './shared.ts'

/** How the two APIs call themselves in their descriptions. */
export const storageApi = {
  title: 'Crosspool storage manager',
  description: 'SRs, VDIs and their replication on one host. Knows nothing of VMs.',
  version: apiVersion,
} as const

export const toolstackApi = {
  title: 'Crosspool xapi',
  description: 'Pools, hosts, VMs and their migration, as one host sees them.',
  version: apiVersion,
} as const
