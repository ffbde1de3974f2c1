import { bytes } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { DiskPlan } from '../../model/migration.ts'
import type { Vm } from '../../model/vm.ts'
import { placeName, poolsOf } from '../views/landscape.ts'
import { type MigrateChoices, usableSrs } from '../views/migrate-choices.ts'

interface MigrateFieldsProps {
  readonly vm: Vm
  readonly choices: MigrateChoices
  readonly destinations: readonly KnownInventory[]
  readonly destination: KnownInventory | undefined
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
      <Options {...props} />
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
          onChange({ destination: event.currentTarget.value, srs: {}, networks: {} })
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

function Options({ choices, onChange }: MigrateFieldsProps) {
  return (
    <details class="options">
      <summary>Options</summary>
      <label class="check">
        <input
          type="checkbox"
          checked={choices.keepSourceDisks}
          onChange={(event) => onChange({ keepSourceDisks: event.currentTarget.checked })}
        />
        Keep the source's disks there, detached
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={choices.verify}
          onChange={(event) => onChange({ verify: event.currentTarget.checked })}
        />
        Compare both sides of each disk before the memory moves (DRBD)
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={choices.autoConverge}
          onChange={(event) => onChange({ autoConverge: event.currentTarget.checked })}
        />
        Slow the guest down while it writes memory faster than can be sent (QEMU)
      </label>
      <NumberField
        label="Keep the disks here as replicas, in hours: going back sends what differs"
        max={87_600}
        value={choices.replicaHours}
        onInput={(replicaHours) => onChange({ replicaHours })}
      />
      <NumberField
        label="Patience with a lost link, in minutes"
        max={10_080}
        value={choices.patienceMinutes}
        onInput={(patienceMinutes) => onChange({ patienceMinutes })}
      />
      <NumberField
        label="Longest pause for the last memory, in ms (QEMU)"
        max={60_000}
        value={choices.downtimeLimitMs}
        onInput={(downtimeLimitMs) => onChange({ downtimeLimitMs })}
      />
    </details>
  )
}

interface NumberFieldProps {
  readonly label: string
  readonly max: number
  /** Empty: not chosen. */
  readonly value: string
  readonly onInput: (value: string) => void
}

function NumberField({ label, max, value, onInput }: NumberFieldProps) {
  return (
    <label class="field row">
      <span>{label}</span>
      <input
        type="number"
        min="1"
        max={max}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}
