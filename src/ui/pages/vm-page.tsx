import { bytes } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { Vm } from '../../model/vm.ts'
import { Badge } from '../parts/badge.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { ReplicaTable } from '../parts/replica-table.tsx'
import { useStore } from '../parts/use-store.ts'
import { VmToolbar } from '../parts/vm-toolbar.tsx'
import { findVm, placeName, srName, vdiOf } from '../views/landscape.ts'
import { linkToOperation } from '../views/place.ts'
import { replicasOf } from '../views/replicas.ts'
import { vmTones } from '../views/tones.ts'

export function VmPage({ id }: { id: string }) {
  const { inventories, own } = useStore()
  const found = findVm(inventories.value ?? [], id)
  if (!found)
    return (
      <>
        <PageTitle title="No such VM" />
        <p class="empty">
          No host that is known here has this VM now. <a href="#/vms">All VMs</a>
        </p>
      </>
    )
  const { at, it: vm } = found
  return (
    <>
      <PageTitle title={vm.name}>
        <Badge tone={vmTones[vm.state]} text={vm.state} />
        <span class="quiet">on {placeName(at)}</span>
      </PageTitle>
      {at === own.value ? <VmToolbar vm={vm} /> : <Elsewhere at={at} id={id} />}
      {vm.operation !== null && (
        <p class="notice busy">
          It is held by <a href={linkToOperation(vm.operation)}>an operation that is under way</a>.
        </p>
      )}
      {vm.obstacles.length > 0 && (
        <div class="notice warn">It cannot be live-migrated: {vm.obstacles.join('; ')}</div>
      )}
      <Facts vm={vm} at={at} />
    </>
  )
}

function Elsewhere({ at, id }: { at: KnownInventory; id: string }) {
  return (
    <p class="notice">
      Each host acts on its own VMs:{' '}
      <a href={`${at.url}/#/vms/${encodeURIComponent(id)}`}>open it at {placeName(at)}</a>.
    </p>
  )
}

function Facts({ vm, at }: { vm: Vm; at: KnownInventory }) {
  return (
    <>
      <dl class="facts panel">
        <dt>vCPUs</dt>
        <dd>{vm.vcpus}</dd>
        <dt>Memory</dt>
        <dd>{bytes(vm.memoryBytes)}</dd>
        <dt>Handed over</dt>
        <dd>{vm.epoch === 0 ? 'never' : vm.epoch === 1 ? 'once' : `${vm.epoch} times`}</dd>
        <dt>UUID</dt>
        <dd class="code">{vm.id}</dd>
      </dl>
      <section aria-labelledby="disks">
        <h2 id="disks">Disks</h2>
        <DataTable
          caption="Disks of this VM"
          rows={vm.disks}
          keyOf={({ slot }) => slot}
          empty="It has no disks."
          columns={[
            { title: 'Slot', cell: ({ slot }) => slot },
            { title: 'VDI', cell: (disk) => vdiOf(at, disk)?.name ?? disk.device },
            {
              title: 'SR',
              cell: (disk) => {
                const vdi = vdiOf(at, disk)
                return vdi ? srName(at, vdi.sr) : '–'
              },
            },
            { title: 'Format', isMinor: true, cell: (disk) => vdiOf(at, disk)?.format ?? '–' },
            {
              title: 'Size',
              isNumber: true,
              cell: (disk) => {
                const vdi = vdiOf(at, disk)
                return vdi ? bytes(vdi.sizeBytes) : '–'
              },
            },
            {
              title: 'Access',
              isMinor: true,
              cell: (disk) => (disk.readOnly ? 'read only' : 'read and write'),
            },
          ]}
        />
      </section>
      <VmReplicas vm={vm.id} />
      <section aria-labelledby="interfaces">
        <h2 id="interfaces">Interfaces</h2>
        <DataTable
          caption="Interfaces of this VM"
          rows={vm.interfaces}
          keyOf={({ slot }) => slot}
          empty="It has no interfaces."
          columns={[
            { title: 'Slot', cell: ({ slot }) => slot },
            { title: 'Network', cell: ({ network }) => network },
            { title: 'MAC', cell: ({ mac }) => <span class="code">{mac}</span> },
          ]}
        />
      </section>
    </>
  )
}

function VmReplicas({ vm }: { vm: string }) {
  const { inventories, nowMs } = useStore()
  const all = replicasOf(inventories.value ?? [], nowMs.value)
  const replicas = all.filter(({ replica }) => replica.vm === vm)
  if (replicas.length === 0) return null
  return (
    <section aria-labelledby="replicas">
      <h2 id="replicas">Replicas</h2>
      <ReplicaTable caption="Replicas of this VM's disks" replicas={replicas} />
    </section>
  )
}
