import { CrosspoolError } from '../../model/errors.ts'
import { type BlockMapper, type BlockTable, linearTable } from '../../ports/block-mapper.ts'
import type { BlockReplicator } from '../../ports/block-replicator.ts'
import type { Disk } from '../../ports/datapath.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import { namePrefix, vmDeviceName } from './names.ts'
import { isErrorTable, leadsTo } from './tables.ts'

/**
 * What the VMs' devices led to before we put anything beneath them. For a device of ours that is
 * its volume. For an adopted one it is remembered durably before the first exchange, since the
 * administrator's device must be whole again in the end, whatever happens to us.
 */
export interface OriginalTables {
  /** The original table; remembers it if nothing of ours is beneath the device yet. @throws NOT_FOUND, NOT_SUPPORTED */
  remember(disk: Disk): Promise<BlockTable>
  /** The original table if something of ours may be beneath the device; null where there is nothing to put back. */
  recall(disk: Disk): Promise<BlockTable | null>
  /** The device is whole again. */
  forget(disk: Disk): Promise<void>
}

export function createOriginalTables(
  blockMapper: BlockMapper,
  replicator: BlockReplicator,
  records: RecordStore,
): OriginalTables {
  const keyOf = (disk: Disk) => `datapath/original/${vmDeviceName(disk)}`

  async function recorded(disk: Disk): Promise<BlockTable | null> {
    return (await records.get<BlockTable>(keyOf(disk)))?.value ?? null
  }

  return {
    async remember(disk) {
      if (disk.adopted === null) return linearTable(disk.volumePath, disk.sizeBytes)
      const name = vmDeviceName(disk)
      const found = await blockMapper.inspect(name)
      if (found === null) throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: name })
      const known = await recorded(disk)
      if (known !== null && (await leadsToOurs(found.table, replicator))) return known
      await records.transact({ puts: [{ key: keyOf(disk), value: found.table }] })
      return found.table
    },

    async recall(disk) {
      if (disk.adopted === null) return linearTable(disk.volumePath, disk.sizeBytes)
      return recorded(disk)
    },

    async forget(disk) {
      await records.transact({ deletes: [keyOf(disk)] })
    },
  }
}

/** True when our replicator, a gate or a fence is beneath the device. */
export async function leadsToOurs(
  table: BlockTable,
  replicator: BlockReplicator,
): Promise<boolean> {
  const names = await replicator.list()
  const replicated = new Set(await Promise.all(names.map((name) => replicator.devicePath(name))))
  const isOurs = (path: string) => replicated.has(path) || isGate(path)
  return isErrorTable(table) || leadsTo(table, isOurs)
}

function isGate(path: string): boolean {
  return path.includes(`/${namePrefix}`) && path.endsWith('-gate')
}
