import { useState } from 'preact/hooks'
import { bytes, duration, latency } from '../../lib/quantities.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { isOfMemory, verifiedOf } from '../views/migration.ts'
import { DataTable } from './data-table.tsx'
import { PreflightTable } from './preflight-table.tsx'
import { useStore } from './use-store.ts'

interface MigrationReportProps {
  readonly operation: Operation
  readonly details: MigrationDetails
}

/** What is worth keeping of a migration that has ended. */
export function MigrationReport({ operation, details }: MigrationReportProps) {
  if (!isEnded(operation)) return null
  const { checks, figures, keptDisks, memory } = details
  const { totalMs, pausedMs, handoverMs, syncMs, memoryMs } = figures
  const took = totalMs ?? (operation.endedAtMs ?? operation.startedAtMs) - operation.startedAtMs
  const verified = verifiedOf(operation, details)
  return (
    <section class="panel report" aria-labelledby="report">
      <div class="line">
        <h2 id="report">Report</h2>
        <ShareButtons operation={operation} />
      </div>
      <dl class="figures">
        {isOfMemory(operation) && (
          <>
            <Figure title="Blackout" ms={pausedMs} />
            <Figure title="Handover of the disks" ms={handoverMs}>
              {pausedMs !== null && handoverMs !== null && pausedMs > 0
                ? `${Math.round((handoverMs / pausedMs) * 100)} % of the blackout`
                : null}
            </Figure>
          </>
        )}
        <Figure title="Took in all" ms={took} />
        <Figure title="Disks" ms={syncMs}>
          {bytes(figures.bytesReplicated)} replicated
        </Figure>
        {isOfMemory(operation) && (
          <Figure title="Memory" ms={memoryMs}>
            {bytes(memory.sentBytes)} sent
            {figures.memoryBytesCrossed === null
              ? ''
              : ` as ${bytes(figures.memoryBytesCrossed)} across the link`}
          </Figure>
        )}
      </dl>
      <WriteLatencies disks={details.disks} />
      {verified.length > 0 && (
        <>
          <h3>What was verified</h3>
          <ul class="verified">
            {verified.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </>
      )}
      {keptDisks.length > 0 && <p>Kept at the source: {keptDisks.join(', ')}</p>}
      {checks.length > 0 && (
        <details>
          <summary>Every check</summary>
          <PreflightTable checks={checks} />
        </details>
      )}
    </section>
  )
}

/** What the guest has noticed of it. */
function WriteLatencies({ disks }: Pick<MigrationDetails, 'disks'>) {
  const known = disks.filter(({ writeLatency }) => writeLatency.duringUs !== null)
  if (known.length === 0) return null
  const text = (us: number | null) => (us === null ? '–' : latency(us))
  return (
    <>
      <h3>What a write of the guest took</h3>
      <div class="latencies">
        <DataTable
          caption="What a write of the guest took"
          rows={known}
          keyOf={({ slot }) => slot}
          empty=""
          columns={[
            { title: 'Disk', cell: ({ slot }) => slot },
            {
              title: 'Before',
              cell: ({ writeLatency }) => text(writeLatency.beforeUs),
              isNumber: true,
            },
            {
              title: 'Meanwhile',
              cell: ({ writeLatency }) => text(writeLatency.duringUs),
              isNumber: true,
            },
            {
              title: 'After',
              cell: ({ writeLatency }) => text(writeLatency.afterUs),
              isNumber: true,
            },
          ]}
        />
      </div>
    </>
  )
}

interface FigureProps {
  readonly title: string
  readonly ms: number | null
  readonly children?: string | readonly string[] | null
}

function Figure({ title, ms, children = null }: FigureProps) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{ms === null ? '–' : duration(ms)}</dd>
      {children !== null && <dd class="quiet small">{children}</dd>}
    </div>
  )
}

function ShareButtons({ operation }: { operation: Operation }) {
  const { announcement } = useStore()
  const [copied, setCopied] = useState(false)
  // Where the page is not served over TLS the browser gives no clipboard; the address bar has the link, too.
  const clipboard: Clipboard | undefined = navigator.clipboard

  async function copyLink(): Promise<void> {
    await clipboard?.writeText(location.href)
    setCopied(true)
    announcement.value = 'The link has been copied.'
  }

  return (
    <div class="push-right share">
      {clipboard && (
        <button type="button" onClick={() => void copyLink()}>
          {copied ? 'Copied' : 'Copy the link'}
        </button>
      )}
      <button type="button" onClick={() => download(operation)}>
        Download JSON
      </button>
    </div>
  )
}

function download(operation: Operation): void {
  const blob = new Blob([JSON.stringify(operation, null, 2)], { type: 'application/json' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `${operation.kind}-${operation.id}.json`
  link.click()
  URL.revokeObjectURL(link.href)
}
