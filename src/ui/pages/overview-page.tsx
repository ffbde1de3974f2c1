import { bytes, percent, plural } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import { Badge } from '../parts/badge.tsx'
import { Meter } from '../parts/meter.tsx'
import { OperationTable } from '../parts/operation-table.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import { allOf, namedOf, poolsOf, runningOperations } from '../views/landscape.ts'

const recentShown = 5

export function OverviewPage() {
  const inventories = useStore().inventories.value ?? []
  const running = runningOperations(inventories)
  const recent = allOf(inventories, 'operations')
    .filter((one) => !running.includes(one))
    .sort((a, b) => b.it.startedAtMs - a.it.startedAtMs)
    .slice(0, recentShown)
  return (
    <>
      <PageTitle title="Overview" />
      {running.length > 0 && (
        <section aria-labelledby="now">
          <h2 id="now">Now</h2>
          <OperationTable caption="What is under way" operations={running} />
        </section>
      )}
      {poolsOf(inventories).map(({ name, hosts }) => (
        <section key={name} aria-labelledby={`pool-${name}`}>
          <h2 id={`pool-${name}`}>
            Pool {name} <span class="quiet">{plural(hosts.length, 'host')}</span>
          </h2>
          <div class="cards">
            {hosts.map((host) => (
              <HostCard key={host.url} host={host} />
            ))}
          </div>
        </section>
      ))}
      <section aria-labelledby="recent">
        <h2 id="recent">Recently</h2>
        <OperationTable caption="What has ended" operations={recent} />
      </section>
    </>
  )
}

function HostCard({ host: known }: { host: KnownInventory }) {
  const { name, url, inventory, problem } = known
  return (
    <article class="panel host">
      <h3>
        {name}
        <Badge tone={inventory ? 'good' : 'bad'} text={inventory ? 'answers' : 'does not answer'} />
      </h3>
      {inventory === null ? <p class="problem">{problem}</p> : <HostFigures known={known} />}
      <p class="quiet small">{url}</p>
    </article>
  )
}

function HostFigures({ known }: { known: KnownInventory }) {
  const { inventory } = known
  if (inventory === null) return null
  const { host, vms } = inventory
  const srs = namedOf([known], 'srs').map(({ it }) => it)
  const usedBytes = host.memoryBytes - host.freeMemoryBytes
  const running = vms.filter(({ state }) => state === 'running').length
  return (
    <dl class="facts">
      <dt>Runs</dt>
      <dd>
        {running} of {plural(vms.length, 'VM')}
      </dd>
      <dt>Memory</dt>
      <dd>
        <Meter
          fraction={usedBytes / Math.max(1, host.memoryBytes)}
          label="memory used"
          tone="quiet"
        />{' '}
        {bytes(host.freeMemoryBytes)} free of {bytes(host.memoryBytes)}
      </dd>
      <dt>Storage</dt>
      <dd>
        {srs.length === 0
          ? 'no SRs'
          : srs.map(({ name, freeBytes, sizeBytes }) => (
              <span
                key={name}
                class="sr"
                title={`${percent(1 - freeBytes / Math.max(1, sizeBytes))} used`}
              >
                {name} <span class="quiet">{bytes(freeBytes)} free</span>
              </span>
            ))}
      </dd>
      <dt>Hypervisor</dt>
      <dd>
        {host.hypervisor} {host.version} <span class="quiet">· {host.cpuModel}</span>
      </dd>
      <dt>Mirrors by</dt>
      <dd>{host.replicationSchemes.join(', ') || 'shared storage only'}</dd>
    </dl>
  )
}
