import { handoverCases } from './storage-manager.handover-cases.ts'
import { keepCases } from './storage-manager.keep-cases.ts'
import { relocationCases } from './storage-manager.relocation-cases.ts'
import { replicationCases } from './storage-manager.replication-cases.ts'
import { vdiCases } from './storage-manager.vdi-cases.ts'

export const storageManagerCases = [
  ...vdiCases,
  ...replicationCases,
  ...handoverCases,
  ...keepCases,
  ...relocationCases,
]
