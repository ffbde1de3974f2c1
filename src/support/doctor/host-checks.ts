import { dirname } from 'node:path'
import { bytes, duration, plural } from '../../lib/quantities.ts'
import { MiB } from '../../lib/units.ts'
import { type Finding, failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import { clockSkewWarnMs, type Host } from '../../model/host.ts'
import type { HostView } from '../../ports/host-needs.ts'
import type { Answer, HostState } from '../host-state.ts'

/** How other hosts reach this one, and how this one reaches them. */
export async function checkHosts(host: HostView, state: HostState): Promise<readonly Finding[]> {
  const area = 'hosts'
  const synchronised = await clockVerdict(host)
  const findings: Finding[] = synchronised
    ? [{ area: 'clock', name: 'time service', ...synchronised }]
    : []
  if ('problem' in state.hosts) {
    const unanswered = unansweredFindings(state.toolstack, area, 'other hosts', state.hosts)
    return [...findings, ...unanswered]
  }
  const [own, ...others] = state.hosts.value
  if (own) findings.push({ area, name: 'own address', ...(await addressVerdict(host, own.url)) })
  if (others.length === 0)
    findings.push({
      ...{ area, name: 'other hosts' },
      ...warning(
        'none is known',
        'crosspool pool trust there, and crosspool pool join here with its line.',
      ),
    })
  const peers = others.flatMap((peer): Finding[] => {
    const name = `${peer.pool}/${peer.name}`
    const reached = { area, name, ...peerVerdict(peer, own) }
    if (!peer.reachable) return [reached]
    return [reached, { area: 'clock', name, ...skewVerdict(peer, state) }]
  })
  return [...findings, ...peers]
}

/** A question that a daemon leaves open though it answers others; of one that is down all is told elsewhere. */
function unansweredFindings(
  daemon: Answer<unknown>,
  area: string,
  name: string,
  answer: Answer<unknown>,
): Finding[] {
  if ('problem' in daemon || 'value' in answer) return []
  const { message } = answer.problem
  const advice = `It may wait for another host or for a program that hangs: look at its log. ${answer.problem.toDocument().advice}`
  return [{ area, name, ...warning(message, advice) }]
}

/** Null where nobody can tell. */
async function clockVerdict(host: HostView): Promise<Verdict | null> {
  const command = ['show', '--property=NTPSynchronized', '--value']
  const answer = await host.probe('timedatectl', command).catch(() => null)
  if (answer === null || answer.exitCode !== 0) return null
  if (answer.stdout.trim() === 'yes') return passed('sets the clock')
  return warning('nothing sets the clock', 'apt install systemd-timesyncd, or chrony.')
}

async function addressVerdict(host: HostView, url: string): Promise<Verdict> {
  const name = new URL(url).hostname
  const addresses = await host.addressesOf(name.replace(/^\[|\]$/g, ''))
  const advice =
    'Give url in xapi.json and in sm.json, and replicationAddress there, an address that other hosts reach.'
  if (addresses.length === 0) return failed(`nobody knows the name ${name}`, advice)
  const isLoopback = (address: string) => /^(127\.|::1$)/.test(address)
  if (addresses.every(isLoopback))
    return warning(`${url} leads every host to itself (${addresses.join(', ')})`, advice)
  return passed(`${url}, ${addresses.join(', ')}`)
}

function peerVerdict(peer: Host, own: Host | undefined): Verdict {
  if (!peer.reachable)
    return failed(
      `${peer.url} does not answer`,
      `Look whether the host is up, the way there is open and crosspool-xapi runs there; or crosspool hosts remove ${peer.name}`,
    )
  const advice = 'Upgrade Crosspool on the older of the two.'
  if (own && own.apiVersion.split('.')[0] !== peer.apiVersion.split('.')[0])
    return failed(`API ${peer.apiVersion} there, ${own.apiVersion} here`, advice)
  return passed(`${peer.url} answers, API ${peer.apiVersion}`)
}

/** The peer told its time at some moment between question and answer; only what is certain counts. */
function skewVerdict({ clockMs }: Host, { askedAtMs, answeredAtMs }: HostState): Verdict {
  const certainMs = Math.max(0, clockMs - answeredAtMs, askedAtMs - clockMs)
  if (certainMs <= clockSkewWarnMs) return passed(`within ${duration(clockSkewWarnMs)} of ours`)
  return warning(
    `${duration(certainMs)} ${clockMs > answeredAtMs ? 'ahead of' : 'behind'} ours`,
    'Let both hosts take their time from the same source: systemd-timesyncd or chrony.',
  )
}

const spaceFailedBytes = 64 * MiB
const spaceWarningBytes = 512 * MiB
const srWarningFraction = 0.05

/** Files that hold secrets are for root alone, and there is room for what must be written down. */
export async function checkPlaces(host: HostView, state: HostState): Promise<readonly Finding[]> {
  const { sm, xapi } = state
  const records = [
    ...('configuration' in sm ? [`${sm.configuration.stateDirectory}/sm`] : []),
    ...('configuration' in xapi ? [xapi.configuration.stateDirectory] : []),
  ]
  const keys = [
    ...('configuration' in sm ? [`${sm.configuration.stateDirectory}/sm-access`] : []),
    ...('configuration' in xapi ? [xapi.configuration.stateDirectory] : []),
  ].map((path) => `${path}/identity/identity.pem`)
  const runtime = 'configuration' in sm ? [sm.configuration.runtimeDirectory] : []
  const modes = await Promise.all([
    ...[...records, ...runtime].map((path) => modeFinding(host, path, 0o077, 'u=rwx,go=')),
    ...keys.map((path) => modeFinding(host, path, 0o077, 'go=')),
    ...[sm.file, xapi.file].map((path) => modeFinding(host, path, 0o022, 'go-w')),
  ])
  const room = await Promise.all(
    records.map(async (path): Promise<Finding[]> => {
      const free = await host.freeBytes(path)
      return free === null ? [] : [{ area: 'space', name: path, ...spaceVerdict(free) }]
    }),
  )
  return [...modes.flat(), ...room.flat(), ...srFindings(state)]
}

const othersMayEnter = 0o011

/** What lies in a folder that others may not enter is closed to them, whatever its own mode. */
async function modeFinding(
  host: HostView,
  path: string,
  forbidden: number,
  wanted: string,
): Promise<Finding[]> {
  const [status, folder] = await Promise.all([path, dirname(path)].map(host.status))
  if (!status) return []
  const mode = (status.mode & 0o777).toString(8).padStart(4, '0')
  const verdict =
    (status.mode & forbidden) === 0 || (folder && (folder.mode & othersMayEnter) === 0)
      ? passed(`mode ${mode}`)
      : failed(`mode ${mode}: open to others than its owner`, `chmod ${wanted} ${path}`)
  return [{ area: 'files', name: path, ...verdict }]
}

function spaceVerdict(freeBytes: number): Verdict {
  const seen = `${bytes(freeBytes)} free`
  const advice = 'Make room: without it no migration can be written down.'
  if (freeBytes < spaceFailedBytes) return failed(seen, advice)
  return freeBytes < spaceWarningBytes ? warning(seen, advice) : passed(seen)
}

function srFindings({ srs, storage }: HostState): readonly Finding[] {
  const area = 'space'
  if ('problem' in srs) return unansweredFindings(storage, area, 'SRs', srs)
  if (srs.value.length === 0) {
    const advice = 'crosspool srs create, for each place where disks are.'
    return [{ area, name: 'SRs', ...warning('there is none', advice) }]
  }
  return srs.value.map(({ name, type, freeBytes, sizeBytes }) => {
    const seen = `${type}, ${bytes(freeBytes)} of ${bytes(sizeBytes)} free`
    const isFull = freeBytes < sizeBytes * srWarningFraction
    const verdict = isFull
      ? warning(seen, 'Make room, or migrate disks to another SR.')
      : passed(seen)
    return { area, name: `SR ${name}`, ...verdict }
  })
}

/** What an interruption has left open. */
export function checkOpenEnds(state: HostState): readonly Finding[] {
  const { leftovers, ownerships, storage, toolstack } = state
  const area = 'open ends'
  const findings = [
    ...unansweredFindings(storage, area, 'leftovers', leftovers),
    ...unansweredFindings(toolstack, area, 'ownership', ownerships),
  ]
  if ('value' in leftovers) {
    const seen = plural(leftovers.value, 'leftover')
    const verdict =
      leftovers.value === 0
        ? passed('nothing is left behind')
        : warning(seen, 'crosspool leftovers; crosspool leftovers --clean')
    findings.push({ area, name: 'leftovers', ...verdict })
  }
  if ('value' in ownerships) {
    const open = ownerships.value.filter(({ settled }) => !settled)
    const names = open.map(({ name, vm }) => name ?? vm).join(', ')
    const verdict =
      open.length === 0
        ? passed('it is settled who may run which VM')
        : warning(`not settled yet: ${names}`, 'crosspool recover; wait while a migration runs')
    findings.push({ area, name: 'ownership', ...verdict })
  }
  return findings
}
