import { useState } from 'preact/hooks'
import { bytes } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { Vm } from '../../model/vm.ts'
import { textOf } from '../follow.ts'
import { Badge } from '../parts/badge.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { MigrateDialog } from '../parts/migrate-dialog.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import type { Store } from '../store.ts'
import { findVm, placeName, srName, vdiOf } from '../views/landscape.ts'
import { linkToOperation } from '../views/place.ts'
import { vmTones } from '../views/tones.ts'
import { actionsFor, type VmAction, vmActions } from '../views/vm-actions.ts'

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
      {at === own.value ? <Actions vm={vm} /> : <Elsewhere at={at} id={id} />}
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

function Actions({ vm }: { vm: Vm }) {
  const store = useStore()
  const [asked, setAsked] = useState<VmAction | null>(null)
  const [busy, setBusy] = useState<VmAction | null>(null)
  const [problem, setProblem] = useState('')
  const question = asked === null ? null : vmActions[asked].question

  async function act(action: VmAction): Promise<void> {
    setAsked(null)
    setBusy(action)
    setProblem('')
    try {
      await perform(store, action, vm.id)
      store.announcement.value = `${vmActions[action].label.replace('…', '')}: done.`
      await store.refresh()
    } catch (error) {
      setProblem(textOf(error))
    }
    setBusy(null)
  }

  function press(action: VmAction): void {
    const asks = action === 'migrate' || vmActions[action].question !== null
    if (asks) setAsked(action)
    else void act(action)
  }

  return (
    <>
      <div class="actions" role="toolbar" aria-label={`Actions for ${vm.name}`}>
        {actionsFor(vm).map((action) => (
          <button
            key={action}
            type="button"
            class={action === 'migrate' ? 'primary' : ''}
            disabled={busy !== null}
            onClick={() => press(action)}
          >
            {busy === action ? 'Working …' : vmActions[action].label}
          </button>
        ))}
      </div>
      <p role="alert" class="problem">
        {problem}
      </p>
      {asked === 'migrate' && <MigrateDialog vm={vm} onClose={() => setAsked(null)} />}
      {asked !== null && question !== null && (
        <Confirm
          title={`${vmActions[asked].label.replace('…', '')} ${vm.name}?`}
          action={vmActions[asked].label.replace('…', '')}
          onConfirm={() => void act(asked)}
          onClose={() => setAsked(null)}
        >
          <p>{question(vm.name)}</p>
        </Confirm>
      )}
    </>
  )
}

function perform({ client }: Store, action: VmAction, vm: string): Promise<unknown> {
  const call = { params: { vm } }
  switch (action) {
    case 'start':
      return client.startHaltedVm(call)
    case 'shutdown':
      return client.shutdownVm(call)
    case 'reboot':
      return client.rebootVm({ ...call, body: { how: 'clean' } })
    case 'reset':
      return client.rebootVm({ ...call, body: { how: 'hard' } })
    case 'pause':
      return client.pauseVm(call)
    case 'unpause':
      return client.unpauseVm(call)
    case 'destroy':
      return client.destroyVm(call)
    case 'forget':
      return client.forgetVm(call)
    case 'migrate':
      return Promise.resolve()
  }
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
