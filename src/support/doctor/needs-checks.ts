import { type Finding, failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostNeeds, HostView, ModuleNeed, ProgramNeed } from '../../ports/host-needs.ts'

/** Whether a host has what a driver needs. */
export async function checkNeeds(
  host: HostView,
  area: string,
  { programs = [], modules = [], looks = [] }: HostNeeds,
): Promise<readonly Finding[]> {
  const checks: readonly (readonly [string, Promise<Verdict>])[] = [
    ...modules.map((need) => [`module ${need.name}`, checkModule(host, need)] as const),
    ...programs.map((need) => [need.command, checkProgram(host, need)] as const),
    ...looks.map(({ name, look }) => [name, look(host)] as const),
  ]
  return Promise.all(checks.map(async ([name, verdict]) => ({ area, name, ...(await verdict) })))
}

async function checkProgram(host: HostView, need: ProgramNeed): Promise<Verdict> {
  const { command, versionArguments, versionPattern, oldest, purpose } = need
  const install = `apt install ${need.package}`
  const answer = await host.probe(command, versionArguments).catch(() => null)
  if (answer === null) return failed(`not there; it ${purpose}`, install)
  const version = versionPattern?.exec(`${answer.stdout}\n${answer.stderr}`)?.[1]
  if (version === undefined) return passed('there')
  if (oldest === undefined || compareVersions(version, oldest) >= 0) return passed(version)
  return failed(version, `${oldest} or newer is needed: ${install} from a newer Debian.`)
}

/** Modules are named with - or _, and stand in files with a suffix. */
async function checkModule(host: HostView, need: ModuleNeed): Promise<Verdict> {
  const { name, isLoadedOnDemand, source } = need
  if ((await host.status(`/sys/module/${name}`)) !== null) {
    const version = (await host.readText(`/sys/module/${name}/version`))?.trim()
    return passed(version === undefined ? 'loaded' : `loaded, ${version}`)
  }
  const release = (await host.readText('/proc/sys/kernel/osrelease'))?.trim() ?? ''
  const lists = await Promise.all(
    ['modules.builtin', 'modules.dep'].map((list) =>
      host.readText(`/lib/modules/${release}/${list}`),
    ),
  )
  const file = new RegExp(`/${name.replace(/[-_]/g, '[-_]')}\\.ko(\\.\\w+)?(:|$)`, 'm')
  const [isBuiltIn = false, isThere = false] = lists.map((text) => file.test(text ?? ''))
  if (isBuiltIn) return passed('part of the kernel')
  if (!isThere) return failed(`kernel ${release} does not have it`, source)
  if (isLoadedOnDemand) return passed('loaded when it is needed')
  return warning(
    'not loaded',
    `modprobe ${name}; for each boot, /etc/modules-load.d/crosspool.conf.`,
  )
}

/** Of numbers with points between them; whatever else stands in them is not compared. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/\D+/).map(Number))
  for (const [index, wanted] of (right ?? []).entries()) {
    const difference = (left?.[index] ?? 0) - wanted
    if (difference !== 0) return difference
  }
  return 0
}
