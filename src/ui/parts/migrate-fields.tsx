import { bytes } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { DiskPlan } from '../../model/migration.ts'
import type { KeepMode } from '../../model/replication.ts'
import type { Vm } from '../../model/vm.ts'
import { placeName, poolsOf } from '../views/landscape.ts'
import { type MigrateChoices, usableSrs } from '../views/migrate-choices.ts'
import type { CopyAction } from '../views/vm-actions.ts'
import { MigrateOptions, ReplicaFields } from './migrate-options.tsx'

export interface MigrateFieldsProps {
  readonly act: CopyAction
  readonly vm: Vm
  readonly choices: MigrateChoices
  readonly destinations: readonly KnownInventory[]
  readonly destination: KnownInventory | undefined
  /** In which this host and the destination can keep replicas. */
  readonly modes: readonly KeepMode[]
  /** How the destination would place the disks. */
  readonly plan: readonly DiskPlan[]
  readonly onChange: (change: Partial<MigrateChoices>) => void
}

export function MigrateFields(props: MigrateFieldsProps) {
  return (
    <>
      <DestinationField {...props} />
      <div class="maps">
        <DiskMap {...props} />
        <NetworkMap {...props} />
      </div>
      {props.act === 'migrate' ? <MigrateOptions {...props} /> : <ReplicaFields {...props} />}
    </>
  )
}

function DestinationField({ choices, destinations, onChange }: MigrateFieldsProps) {
  return (
    <label class="field">
      Destination
      <select
        name="destination"
        value={choices.destination}
        onChange={(event) =>
          onChange({
            destination: event.currentTarget.value,
            srs: {},
            networks: {},
            replicaMode: '',
          })
        }
      >
        {poolsOf(destinations).map(({ name, hosts }) => (
          <optgroup key={name} label={`Pool ${name}`}>
            {hosts.map((host) => (
              <option key={host.url} value={placeName(host)} disabled={host.inventory === null}>
                {host.name}
                {host.inventory === null
                  ? ' (does not answer)'
                  : ` (${bytes(host.inventory.host.freeMemoryBytes)} of memory free)`}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  )
}

function DiskMap({ vm, choices, destination, plan, onChange }: MigrateFieldsProps) {
  const srs = usableSrs(destination)
  if (vm.disks.length === 0) return null
  return (
    <fieldset>
      <legend>Disks</legend>
      {vm.disks.map(({ slot }) => {
        const planned = plan.find((disk) => disk.slot === slot)
        const size = planned ? ` · ${bytes(planned.sizeBytes)}` : ''
        const name = srs.find(({ id }) => id === planned?.sr)?.name ?? planned?.sr
        return (
          <label key={slot} class="field row">
            <span>
              {slot}
              <span class="quiet">{size}</span>
            </span>
            <select
              name={`sr-${slot}`}
              value={choices.srs[slot] ?? ''}
              onChange={(event) =>
                onChange({ srs: { ...choices.srs, [slot]: event.currentTarget.value } })
              }
            >
              <option value="">
                where it fits{name === undefined || choices.srs[slot] ? '' : `: ${name}`}
              </option>
              {srs.map((sr) => (
                <option key={sr.id} value={sr.id}>
                  {sr.name} ({bytes(sr.freeBytes)} free)
                </option>
              ))}
            </select>
          </label>
        )
      })}
    </fieldset>
  )
}

function NetworkMap({ vm, choices, destination, onChange }: MigrateFieldsProps) {
  const networks = destination?.inventory?.host.networks ?? []
  if (vm.interfaces.length === 0) return null
  return (
    <fieldset>
      <legend>Networks</legend>
      {vm.interfaces.map(({ mac, network }) => (
        <label key={mac} class="field row">
          <span>
            {network} <span class="quiet code">{mac}</span>
          </span>
          <select
            name={`network-${mac}`}
            value={choices.networks[mac] ?? ''}
            onChange={(event) =>
              onChange({ networks: { ...choices.networks, [mac]: event.currentTarget.value } })
            }
          >
            <option value="">the same: {network}</option>
            {networks.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ))}
    </fieldset>
  )
}
