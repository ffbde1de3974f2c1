import { bytes, duration, latency, percent, rate } from '../../lib/quantities.ts'
import { MiB } from '../../lib/units.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { isOfMemory, outOfSyncOf } from '../views/migration.ts'
import { latencyLines, rateLines, type Sample } from '../views/samples.ts'
import { blackoutOf } from '../views/timeline.ts'
import { LinePlot } from './line-plot.tsx'
import { Transfers } from './transfers.tsx'
import { useStore } from './use-store.ts'

interface MigrationPictureProps {
  readonly operation: Operation
  readonly details: MigrationDetails
  readonly samples: readonly Sample[]
}

/** Where a migration is: figures, disks, memory, and how fast it goes. */
export function MigrationPicture({ operation, details, samples }: MigrationPictureProps) {
  const latencies = latencyLines(samples)
  return (
    <>
      {!isEnded(operation) && <Figures operation={operation} details={details} />}
      <div class="columns">
        <Transfers operation={operation} details={details} isWide={latencies.length > 0} />
        {samples.length > 1 && <Rates samples={samples} />}
        {latencies.length > 0 && (
          <LinePlot
            title="Write latency of the guest"
            timesMs={samples.map(({ atMs }) => atMs)}
            lines={latencies}
            text={latency}
            smallestTop={1_000}
          />
        )}
      </div>
    </>
  )
}

function Rates({ samples }: Pick<MigrationPictureProps, 'samples'>) {
  return (
    <LinePlot
      title="Rates"
      timesMs={samples.map(({ atMs }) => atMs)}
      lines={rateLines(samples)}
      text={rate}
      smallestTop={MiB}
      remark={`${bytes(samples.at(-1)?.outOfSyncBytes ?? 0)} out of sync`}
    />
  )
}

function Figures({ operation, details }: Omit<MigrationPictureProps, 'samples'>) {
  const now = useStore().nowMs.value
  const { disks, figures, heartbeat, memory } = details
  const blackout = blackoutOf(operation, figures.pausedMs, now)
  const outOfSyncBytes = disks.reduce((sum, disk) => sum + outOfSyncOf(disk), 0)
  return (
    <dl class="figures">
      <div>
        <dt>Done</dt>
        <dd>{percent(operation.progress)}</dd>
      </div>
      <div>
        <dt>Running for</dt>
        <dd>{duration(Math.max(0, now - operation.startedAtMs))}</dd>
      </div>
      {isOfMemory(operation) && (
        <div class={blackout === null ? '' : 'hot'}>
          <dt>{blackout?.isOver === false ? 'Blackout so far' : 'Blackout'}</dt>
          <dd>{blackout === null ? 'not yet' : duration(blackout.ms)}</dd>
        </div>
      )}
      <div>
        <dt>Out of sync</dt>
        <dd>{bytes(outOfSyncBytes)}</dd>
      </div>
      {isOfMemory(operation) && (
        <div>
          <dt>Memory passes</dt>
          <dd>{memory.passes ?? '–'}</dd>
        </div>
      )}
      <div class={heartbeat.missed > 0 ? 'hot' : ''}>
        <dt>Heartbeat</dt>
        <dd>
          {heartbeat.sequence} <span class="unit">sent</span> {heartbeat.missed}{' '}
          <span class="unit">missed</span>
        </dd>
        <dd class="quiet small">
          round trip {duration(heartbeat.roundTripMs)}, clocks{' '}
          {duration(Math.abs(heartbeat.clockSkewMs))} apart
        </dd>
      </div>
    </dl>
  )
}
