import { parseListeningPorts, parseLocalPorts } from '../../lib/local-ports.ts'
import { type Finding, failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostView } from '../../ports/host-needs.ts'
import type { Answer, Configured, HostState } from '../host-state.ts'

export async function checkConfiguration(
  host: HostView,
  { sm, xapi }: HostState,
): Promise<readonly Finding[]> {
  const findings = await Promise.all([sm, xapi].map((read) => configurationFindings(host, read)))
  return findings.flat()
}

async function configurationFindings(
  host: HostView,
  read: Configured<unknown>,
): Promise<readonly Finding[]> {
  const place = { area: 'configuration', name: read.file }
  if ('configuration' in read) {
    const isThere = (await host.status(read.file)) !== null
    return [{ ...place, ...passed(isThere ? 'valid' : 'not there: the defaults hold') }]
  }
  const advice =
    'Mend it as docs/reference/configuration.md says; the daemon does not start with it.'
  return read.problems.map((problem) => ({ ...place, ...failed(problem, advice) }))
}

const ephemeralPortsFile = '/proc/sys/net/ipv4/ip_local_port_range'
/** Each mirror takes one. */
const freePortsFew = 8

/** The daemons' own ports and what they answer, then the ports that mirrors may take. */
export async function checkDaemons(host: HostView, state: HostState): Promise<readonly Finding[]> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(host.readText))
  const sockets = texts.join('\n')
  const listening = parseListeningPorts(sockets)
  const daemons = [
    ['sm', 'crosspool-sm', state.storage, state.sm],
    ['xapi', 'crosspool-xapi', state.toolstack, state.xapi],
  ] as const
  const findings = daemons.map(([name, unit, answer, read]): Finding => {
    const port = 'configuration' in read ? read.configuration.listen.port : null
    const isTaken = port !== null && listening.has(port)
    return { area: 'daemons', name, ...daemonVerdict(answer, unit, port, isTaken) }
  })
  if (!('configuration' in state.sm)) return findings
  const { ports } = state.sm.configuration
  const ephemeral = await host.readText(ephemeralPortsFile)
  const verdict = portsVerdict(ports, parseLocalPorts(sockets), ephemeral)
  return [...findings, { area: 'ports', name: 'ports for mirrors', ...verdict }]
}

function daemonVerdict(
  answer: Answer<{ readonly apiVersion: string }>,
  unit: string,
  port: number | null,
  isTaken: boolean,
): Verdict {
  if ('value' in answer) return passed(`answers, API ${answer.value.apiVersion}`)
  const { message, code } = answer.problem
  if (code !== 'PEER_UNREACHABLE') return failed(message, answer.problem.toDocument().advice)
  if (isTaken)
    return failed(
      `${message}, though something listens on port ${port}`,
      `See who it is: ss -ltnp "sport = :${port}". If it is ${unit}, see its log: journalctl -u ${unit}`,
    )
  return failed(message, `systemctl start ${unit}; what keeps it down: journalctl -u ${unit}`)
}

interface Range {
  readonly from: number
  readonly to: number
}

function portsVerdict(
  { from, to }: Range,
  used: ReadonlySet<number>,
  ephemeral: string | null,
): Verdict {
  const free = to - from + 1 - [...used].filter((port) => port >= from && port <= to).length
  const seen = `${free} of ${from} to ${to} are free`
  const widen = 'Widen ports in /etc/crosspool/sm.json, on a range that nobody else uses.'
  if (free <= 0) return failed(seen, widen)
  const [first = Number.POSITIVE_INFINITY, last = 0] = (ephemeral ?? '')
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map(Number)
  if (from <= last && to >= first)
    return warning(
      `${seen}, and the kernel gives ${first} to ${last} to anybody who connects somewhere`,
      `Choose ports in /etc/crosspool/sm.json outside of ${ephemeralPortsFile}.`,
    )
  return free < freePortsFew ? warning(seen, widen) : passed(seen)
}
