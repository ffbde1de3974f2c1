import { bytes, duration, latency, percent, rate } from '../../lib/quantities.ts'
import { MiB } from '../../lib/units.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { srNameAnywhere } from '../views/landscape.ts'
import { outOfSyncOf } from '../views/migration.ts'
import { latencyLines, rateLines, type Sample } from '../views/samples.ts'
import { blackoutOf } from '../views/timeline.ts'
import { Badge } from './badge.tsx'
import { LinePlot } from './line-plot.tsx'
import { Meter } from './meter.tsx'
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
      <div class={blackout === null ? '' : 'hot'}>
        <dt>{blackout?.isOver === false ? 'Blackout so far' : 'Blackout'}</dt>
        <dd>{blackout === null ? 'not yet' : duration(blackout.ms)}</dd>
      </div>
      <div>
        <dt>Out of sync</dt>
        <dd>{bytes(outOfSyncBytes)}</dd>
      </div>
      <div>
        <dt>Memory passes</dt>
        <dd>{memory.passes ?? '–'}</dd>
      </div>
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

interface TransfersProps extends Omit<MigrationPictureProps, 'samples'> {
  /** Above two plots, which stand side by side. */
  readonly isWide: boolean
}

function Transfers({ operation, details, isWide }: TransfersProps) {
  const { disks, memory } = details
  const isOver = isEnded(operation)
  const memoryFraction =
    operation.steps.find(({ name }) => name === 'memory')?.state === 'done'
      ? 1
      : memory.totalBytes === 0
        ? 0
        : memory.sentBytes / memory.totalBytes
  return (
    <section class={`panel ${isWide ? 'wide' : ''}`} aria-labelledby="transfers">
      <h2 id="transfers">Disks and memory</h2>
      <ul class="transfers">
        {disks.map((disk) => (
          <DiskTransfer key={disk.slot} disk={disk} isOver={isOver} />
        ))}
        <li>
          <div class="line">
            <strong>memory</strong>
            <span class="quiet">{memory.passes === null ? '' : `pass ${memory.passes}`}</span>
            <span class="number">{percent(memoryFraction)}</span>
          </div>
          <Meter
            fraction={memoryFraction}
            label="memory sent"
            tone={memoryFraction === 1 ? 'good' : 'busy'}
          />
          <div class="line small quiet">
            <span>
              {memory.sentBytes === 0
                ? 'waits until the disks are in sync'
                : `${bytes(memory.sentBytes)} of ${bytes(memory.totalBytes)} sent`}
            </span>
            <span class="number">
              {!isOver && memory.bytesPerSecond > 0 && rate(memory.bytesPerSecond)}
            </span>
          </div>
        </li>
      </ul>
    </section>
  )
}

interface DiskTransferProps {
  readonly disk: MigrationDetails['disks'][number]
  readonly isOver: boolean
}

function DiskTransfer({ disk, isOver }: DiskTransferProps) {
  const inventories = useStore().inventories.value ?? []
  const nameOf = (id: string) => srNameAnywhere(inventories, id)
  const { slot, sourceSr, sr, state, sizeBytes, sentBytes } = disk
  if (!disk.replicated)
    return (
      <li>
        <div class="line">
          <strong>{slot}</strong>{' '}
          <span class="quiet">stays on {nameOf(sr)}, which both hosts reach</span>
        </div>
      </li>
    )
  const outOfSyncBytes = outOfSyncOf(disk)
  const fraction = 1 - outOfSyncBytes / sizeBytes
  return (
    <li>
      <div class="line">
        <strong>{slot}</strong>
        <span class="quiet">
          {nameOf(sourceSr)} → {nameOf(sr)}
        </span>
        <Badge tone={fraction === 1 ? 'good' : 'busy'} text={state} />
        <span class="number">{percent(fraction)}</span>
      </div>
      <Meter
        fraction={fraction}
        label={`${slot} in sync`}
        tone={fraction === 1 ? 'good' : 'busy'}
      />
      <div class="line small quiet">
        <span>
          {bytes(sentBytes)} sent, {bytes(outOfSyncBytes)} out of sync of {bytes(sizeBytes)}
        </span>
        <span class="number">
          {!isOver && disk.bytesPerSecond > 0 && rate(disk.bytesPerSecond)}
          {!isOver &&
            disk.etaMs !== null &&
            outOfSyncBytes > 0 &&
            ` · ${duration(disk.etaMs)} left`}
        </span>
      </div>
    </li>
  )
}
