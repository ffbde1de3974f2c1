import type { Check, DiskPlan, OfferedDisk, ReceiveRequest } from '../../model/migration.ts'
import type { Sr } from '../../model/sr.ts'
import { check } from './describe-vm.ts'
import type { DestinationFacts, KeptHere } from './plan-receive.ts'

/**
 * A disk that the destination reaches stays where it is, unless another SR is wanted. Otherwise:
 * the wanted SR; else one of the same name; else the one with the most space.
 */
export function planDisk(
  disk: OfferedDisk,
  request: ReceiveRequest,
  facts: DestinationFacts,
): { plan: DiskPlan | null; check: Check } {
  const { slot, vdi, sizeBytes } = disk
  const base = { slot, vdi, sourceSr: disk.sr, sizeBytes }
  const reached = disk.srShared && facts.reachableVdis.has(vdi)
  const named = (sr: Sr) => sr.id === disk.wantedSr || sr.name === disk.wantedSr
  const wanted = disk.wantedSr === null ? null : facts.srs.find(named)
  if (wanted === undefined) {
    return {
      plan: null,
      check: check('disk-sr', slot, false, `there is no SR ${disk.wantedSr}`, 'NOT_FOUND'),
    }
  }
  if (reached && (wanted === null || wanted.id === disk.sr)) {
    if (facts.usedVdis.has(vdi)) {
      const reason = `VDI ${vdi} is in use here, or of another VM`
      return { plan: null, check: check('disk-sr', slot, false, reason, 'BUSY') }
    }
    return {
      plan: { ...base, sr: disk.sr, replicated: false },
      check: check('disk-sr', slot, true, `both hosts reach it in SR ${disk.srName}`, null),
    }
  }
  const replica = replicaHere(disk, request, facts)
  if (replica && (wanted === null || wanted.id === replica.sr)) {
    return {
      plan: { ...base, sr: replica.sr, replicated: true, replica: replica.vdi },
      check: check('disk-sr', slot, true, 'its replica is here', null),
    }
  }
  const sr = wanted ?? chooseSr(disk, facts.srs)
  if (!sr) {
    return {
      plan: null,
      check: check(
        'disk-sr',
        slot,
        false,
        'no SR here can hold it; create one, or name one with --sr',
        'SR_UNUSABLE',
      ),
    }
  }
  if (!sr.canCreate) {
    const reason = `no volume can be made in SR ${sr.name}; name another one with --sr`
    return { plan: null, check: check('disk-sr', slot, false, reason, 'SR_UNUSABLE') }
  }
  return {
    plan: { ...base, sr: sr.id, replicated: true },
    check: check('disk-sr', slot, true, `goes to SR ${sr.name}`, null),
  }
}

/** What is kept here for this VM of that host; whatever else a request may name stays untouched. */
function replicaHere(
  disk: OfferedDisk,
  { vm, source }: ReceiveRequest,
  { replicas }: DestinationFacts,
): KeptHere | undefined {
  const own = [...replicas.values()].filter(
    ({ vm: of, other, sizeBytes }) =>
      of === vm.id && other === `${source.pool}/${source.host}` && sizeBytes === disk.sizeBytes,
  )
  const known = disk.replica && replicas.get(disk.replica.replication)
  // One of which the source knows nothing any more has the right place, if not the right content.
  return own.find((one) => one === known) ?? own.find(({ slot }) => slot === disk.slot)
}

export function checkReplicas(
  { disks }: ReceiveRequest,
  { replicas }: DestinationFacts,
  plans: readonly DiskPlan[],
): Check[] {
  const row = (subject: string, result: Check['result'], reason: string) => {
    return [{ name: 'replica', subject, result, reason, code: null }]
  }
  return disks.flatMap(({ slot, replica }) => {
    const used = plans.find((plan) => plan.slot === slot)?.replica
    const known = replica && replicas.get(replica.replication)?.vdi
    if (replica && used !== undefined && used === known)
      return row(slot, 'passed', `only what differs is sent, ${replica.differingBytes} bytes`)
    const anew = 'what differs from its replica is not known any more: all of it is copied there'
    if (used !== undefined) return row(slot, 'warning', anew)
    if (!replica) return []
    return row(slot, 'warning', `the replica of it that ${replica.other} keeps goes out of date`)
  })
}

function chooseSr(disk: OfferedDisk, srs: readonly Sr[]): Sr | undefined {
  const own = srs.filter((sr) => !sr.shared && sr.canCreate)
  const roomy = own.toSorted((a, b) => b.freeBytes - a.freeBytes)
  return own.find(({ name }) => name === disk.srName) ?? roomy[0]
}
