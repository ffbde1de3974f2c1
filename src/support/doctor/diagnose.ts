import { hostname } from 'node:os'
import { datapathNeeds, hypervisorNeeds, volumeStoreNeeds } from '../../daemons/driver-needs.ts'
import { version } from '../../lib/version.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import type { HostNeeds } from '../../ports/host-needs.ts'
import { type HostState, readHostState, type Surroundings } from '../host-state.ts'
import { checkConfiguration, checkDaemons } from './daemon-checks.ts'
import { checkHosts, checkOpenEnds, checkPlaces } from './host-checks.ts'
import { checkNeeds } from './needs-checks.ts'

/** Looks at all that Crosspool needs of this host, and changes nothing. */
export async function diagnose(surroundings: Surroundings): Promise<Diagnosis> {
  return judge(surroundings, await readHostState(surroundings))
}

/** The same of what is known already of the daemons. */
export async function judge({ host, clock }: Surroundings, state: HostState): Promise<Diagnosis> {
  const needs = needsOf(state).map(({ area, needs }) => checkNeeds(host, area, needs))
  const findings = [
    ...(await checkConfiguration(host, state)),
    ...(await checkDaemons(host, state)),
    ...(await Promise.all(needs)).flat(),
    ...(await checkHosts(host, state)),
    ...(await checkPlaces(host, state)),
    ...checkOpenEnds(state),
  ]
  return {
    host: 'value' in state.toolstack ? state.toolstack.value.name : hostname(),
    ...{ version, findings, atMs: clock.now() },
    healthy: findings.every(({ result }) => result !== 'failed'),
  }
}

/** Of each driver that this host's configuration and SRs choose. */
export function needsOf({ sm, xapi, srs }: HostState): readonly {
  readonly area: string
  readonly needs: HostNeeds
}[] {
  const hypervisor =
    'configuration' in xapi
      ? [hypervisorNeeds[xapi.configuration.hypervisor](xapi.configuration)]
      : []
  if (!('configuration' in sm)) return hypervisor.map((needs) => ({ area: 'hypervisor', needs }))
  const { needs: ofDatapath, presentation } = datapathNeeds[sm.configuration.datapath]
  const types = new Map(
    ('value' in srs ? srs.value : []).map(({ type, configuration }) => [
      `${type} ${configuration.format}`,
      volumeStoreNeeds[type]?.({ configuration, presentation }) ?? {},
    ]),
  )
  const disks = [...ofDatapath(sm.configuration), ...types.values()]
  return [
    ...hypervisor.map((needs) => ({ area: 'hypervisor', needs })),
    ...withoutRepeats(disks).map((needs) => ({ area: 'disks', needs })),
  ]
}

/** A program that several need is looked at once. */
function withoutRepeats(all: readonly HostNeeds[]): readonly HostNeeds[] {
  const seen = new Set<string>()
  const first = (name: string) => !seen.has(name) && seen.add(name)
  return all.map((needs) => ({
    ...needs,
    programs: (needs.programs ?? []).filter(({ command }) => first(command)),
    modules: (needs.modules ?? []).filter(({ name }) => first(name)),
  }))
}
