import { bytes, duration, percent, rate } from '../../lib/quantities.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { srNameAnywhere } from '../views/landscape.ts'
import { isOfMemory, outOfSyncOf } from '../views/migration.ts'
import { Badge } from './badge.tsx'
import { Meter } from './meter.tsx'
import { useStore } from './use-store.ts'

interface TransfersProps {
  readonly operation: Operation
  readonly details: MigrationDetails
  /** Above two plots, which stand side by side. */
  readonly isWide: boolean
}

/** How far each disk and the memory have come. */
export function Transfers({ operation, details, isWide }: TransfersProps) {
  const { disks, memory } = details
  const isOver = isEnded(operation)
  return (
    <section class={`panel ${isWide ? 'wide' : ''}`} aria-labelledby="transfers">
      <h2 id="transfers">{isOfMemory(operation) ? 'Disks and memory' : 'Disks'}</h2>
      <ul class="transfers">
        {disks.map((disk) => (
          <DiskTransfer key={disk.slot} disk={disk} isOver={isOver} />
        ))}
        {isOfMemory(operation) && <MemoryTransfer operation={operation} memory={memory} />}
      </ul>
    </section>
  )
}

interface MemoryTransferProps extends Pick<MigrationDetails, 'memory'> {
  readonly operation: Operation
}

function MemoryTransfer({ operation, memory }: MemoryTransferProps) {
  const memoryFraction =
    operation.steps.find(({ name }) => name === 'memory')?.state === 'done'
      ? 1
      : memory.totalBytes === 0
        ? 0
        : memory.sentBytes / memory.totalBytes
  return (
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
          {!isEnded(operation) && memory.bytesPerSecond > 0 && rate(memory.bytesPerSecond)}
          {!isEnded(operation) &&
            memory.etaMs !== null &&
            ` · all sent once in ${duration(memory.etaMs)}`}
        </span>
      </div>
    </li>
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
