import type { KeepMode } from '../../model/replication.ts'
import { replicaTimes } from '../views/migrate-choices.ts'
import type { MigrateFieldsProps } from './migrate-fields.tsx'

/** What most migrations need none of. */
export function MigrateOptions(props: MigrateFieldsProps) {
  const { choices, onChange } = props
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
      <label class="check">
        <input
          type="checkbox"
          checked={choices.compressMemory}
          onChange={(event) => onChange({ compressMemory: event.currentTarget.checked })}
        />
        Send the memory compressed, for slow links
      </label>
      <NumberField
        label="Keep the disks here as replicas, in hours: going back sends what differs"
        max={87_600}
        value={choices.replicaHours}
        onInput={(replicaHours) => onChange({ replicaHours })}
      />
      {choices.replicaHours !== '' && <ModeField {...props} />}
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

/** How the copies are kept, of a VM that stays. */
export function ReplicaFields(props: MigrateFieldsProps) {
  const { choices, onChange } = props
  return (
    <fieldset>
      <legend>Replicas</legend>
      <label class="field row">
        <span>Keep them for</span>
        <select
          name="replica-hours"
          value={choices.replicaHours}
          onChange={(event) => onChange({ replicaHours: event.currentTarget.value })}
        >
          {replicaTimes.map(({ hours, text }) => (
            <option key={hours} value={hours}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <ModeField {...props} />
    </fieldset>
  )
}

const modeChoices: Readonly<Record<KeepMode, string>> = {
  'every-write': 'every write: the VM waits for it',
  difference: 'what is there now; then what differs is noted',
}

function ModeField({ choices, modes, onChange }: MigrateFieldsProps) {
  return (
    <label class="field row">
      <span>A replica has</span>
      <select
        name="replica-mode"
        value={choices.replicaMode}
        onChange={({ currentTarget: { value } }) =>
          onChange({ replicaMode: modes.find((mode) => mode === value) ?? '' })
        }
      >
        <option value="">the most that both hosts can</option>
        {modes.map((mode) => (
          <option key={mode} value={mode}>
            {modeChoices[mode]}
          </option>
        ))}
      </select>
    </label>
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
