import type { Inventory, KnownInventory } from '../../model/inventory.ts'
import type { Operation } from '../../model/operation.ts'
import { isEnded } from '../../model/operation.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { Vm } from '../../model/vm.ts'

/** All hosts' things of one kind, each with where it is. */
export type Located<T> = { readonly at: KnownInventory; readonly it: T }

type Lists = 'vms' | 'srs' | 'vdis' | 'replications' | 'replicas' | 'operations'

export function allOf<K extends Lists>(
  inventories: readonly KnownInventory[],
  kind: K,
): readonly Located<Inventory[K][number]>[] {
  return inventories.flatMap((at) => (at.inventory?.[kind] ?? []).map((it) => ({ at, it })))
}

export interface PoolView {
  readonly name: string
  readonly hosts: readonly KnownInventory[]
}

/** The pools in the order in which their first hosts come: this host's own first. */
export function poolsOf(inventories: readonly KnownInventory[]): readonly PoolView[] {
  const names = [...new Set(inventories.map(({ pool }) => pool))]
  return names.map((name) => ({ name, hosts: inventories.filter(({ pool }) => pool === name) }))
}

export function placeName({ pool, name }: Pick<KnownInventory, 'pool' | 'name'>): string {
  return `${pool}/${name}`
}

/** The VM that is meant: of two that bear the id while one moves, the one that runs; else this host's. */
export function findVm(
  inventories: readonly KnownInventory[],
  id: string,
): Located<Vm> | undefined {
  const found = allOf(inventories, 'vms').filter(({ it }) => it.id === id)
  return found.find(({ it }) => it.state === 'running') ?? found[0]
}

export function runningOperations(
  inventories: readonly KnownInventory[],
): readonly Located<Operation>[] {
  return allOf(inventories, 'operations').filter(({ it }) => !isEnded(it))
}

/** The VDI behind a VM's disk, where its name here tells. */
export function vdiOf({ inventory }: KnownInventory, disk: Vm['disks'][number]): Vdi | undefined {
  const vdis = inventory?.vdis ?? []
  return (
    vdis.find(({ id }) => id === disk.vdi) ??
    vdis.find(({ device }) => device !== null && device === disk.device)
  )
}

/** The name of an SR wherever it is, for what names SRs of both sides. */
export function srNameAnywhere(inventories: readonly KnownInventory[], sr: string): string {
  return allOf(inventories, 'srs').find(({ it }) => it.id === sr)?.it.name ?? sr
}

export function srName({ inventory }: KnownInventory, sr: string): string {
  return inventory?.srs.find(({ id }) => id === sr)?.name ?? sr
}

/** Each host's by name: the daemons give them in no order. */
export function namedOf<K extends 'vms' | 'srs' | 'vdis'>(
  inventories: readonly KnownInventory[],
  kind: K,
): readonly Located<Inventory[K][number]>[] {
  const order = (at: KnownInventory) => inventories.indexOf(at)
  return [...allOf(inventories, kind)].sort(
    (a, b) => order(a.at) - order(b.at) || a.it.name.localeCompare(b.it.name),
  )
}

/** What an operation is of, in words. */
export function subjectOf({ details, subject }: Operation): string {
  return typeof details.vmName === 'string' ? details.vmName : subject
}
