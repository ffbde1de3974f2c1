import type { ComponentChild } from 'preact'
import { bytes } from '../../lib/quantities.ts'
import { mayOperate } from '../session.ts'
import { modeTexts, stillText } from '../views/kept.ts'
import { findVm } from '../views/landscape.ts'
import { linkToVm } from '../views/place.ts'
import { dropConsequences, type EndView, type ReplicaView } from '../views/replicas.ts'
import { dateTime, roughly } from '../views/times.ts'
import { Badge } from './badge.tsx'
import { Confirm } from './confirm.tsx'
import { DataTable } from './data-table.tsx'
import { useDrop } from './use-drop.ts'
import { useStore } from './use-store.ts'

interface ReplicaTableProps {
  readonly caption: string
  readonly replicas: readonly ReplicaView[]
}

/** Disks and the replicas of them; those of this host can be dropped. */
export function ReplicaTable({ caption, replicas }: ReplicaTableProps) {
  const { nowMs, session } = useStore()
  const { ask, asked: askedId, drop, isBusy, outcome } = useDrop()
  // As it is now, also while one reads; what has gone is not asked about.
  const asked = replicas.find(({ replica }) => replica.id === askedId)
  const now = nowMs.value
  return (
    <>
      <p role="alert" class="problem">
        {outcome}
      </p>
      <DataTable
        caption={caption}
        rows={replicas}
        keyOf={({ replica }) => replica.id}
        isStacked
        empty={
          <>
            No replica is kept. Migrate a VM and keep the disks that it leaves, or press{' '}
            <em>Replicate…</em> on its page: then going back, or there, sends only what differs.
          </>
        }
        columns={[
          { title: 'VM', cell: (row) => <VmCell {...row} /> },
          { title: 'Disk at', cell: ({ disk }) => <EndCell {...disk} /> },
          { title: 'Replica at', cell: ({ copy }) => <EndCell {...copy} /> },
          {
            title: 'State',
            cell: ({ state, replica }) => (
              <div>
                <Badge tone={state.tone} text={state.text} />
                <div class="small quiet">{modeTexts[replica.mode]}</div>
                {state.reason !== null && <div class="small problem">{state.reason}</div>}
              </div>
            ),
          },
          {
            title: 'Lacks',
            cell: ({ lack }) => <TwoLines first={lack.text} second={lack.since} />,
          },
          {
            title: 'Age',
            isNumber: true,
            cell: ({ replica, refresh }) => (
              <div>
                {roughly(now - replica.sinceMs)}
                {refresh && <div class="small quiet">{refresh.text}</div>}
                {refresh?.problem && <div class="small problem">{refresh.problem}</div>}
              </div>
            ),
          },
          {
            title: 'Takes',
            isNumber: true,
            cell: ({ copy }) => (copy.vdi ? bytes(copy.vdi.allocatedBytes) : '–'),
          },
          {
            title: 'Kept for',
            cell: ({ replica: { untilMs } }) => (
              <TwoLines
                first={stillText(untilMs, now)}
                second={untilMs === null ? null : dateTime(untilMs)}
              />
            ),
          },
          {
            title: 'Action',
            cell: ({ here, replica, vmName }) =>
              here !== null &&
              mayOperate(session.value) && (
                <button type="button" disabled={isBusy} onClick={() => ask(replica.id)}>
                  Drop
                  <span class="for-ears">
                    {' '}
                    the replica of {vmName} {replica.slot}
                  </span>
                  …
                </button>
              ),
          },
        ]}
      />
      {asked && (
        <Confirm
          title={`Drop the replica of ${asked.vmName} ${asked.replica.slot}?`}
          action="Drop it"
          onConfirm={() => void drop(asked.replica.id)}
          onClose={() => ask(null)}
        >
          {dropConsequences(asked).map((line) => (
            <p key={line}>{line}</p>
          ))}
        </Confirm>
      )}
    </>
  )
}

function VmCell({ vmName, replica: { vm, slot } }: ReplicaView) {
  const { inventories } = useStore()
  const isKnown = findVm(inventories.value ?? [], vm) !== undefined
  return (
    <>
      {isKnown ? <a href={linkToVm(vm)}>{vmName}</a> : vmName} <span class="quiet">{slot}</span>
    </>
  )
}

function EndCell({ place, isHere, vdi, sr, silence }: EndView) {
  return (
    <TwoLines
      first={isHere ? <strong>this host</strong> : place}
      second={silence ?? [vdi?.name, sr].filter((text) => text != null).join(', ')}
    />
  )
}

function TwoLines({ first, second }: { first: ComponentChild; second: string | null }) {
  return (
    <div>
      {first}
      {second !== null && <div class="small quiet">{second}</div>}
    </div>
  )
}
