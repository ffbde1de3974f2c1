import { z } from 'zod'
import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmState } from '../../model/vm.ts'
import { parseOutput } from '../../ports/parse-output.ts'

/** One line of `xl list -v`. */
export interface DomainLine {
  readonly domid: number
  /** Without the suffix that xl adds while a domain is on its way. */
  readonly name: string
  readonly uuid: string
  /** What it has at this moment. */
  readonly memoryBytes: number
  readonly state: VmState
  /** Being built by `xl migrate-receive`; it has not run here. */
  readonly isIncoming: boolean
  /** Released by `xl migrate`; it must not run here again. */
  readonly isMigratedAway: boolean
}

const incomingSuffix = '--incoming'
const migratedAwaySuffix = '--migratedaway'
const suspendReason = 2
const crashReason = 3

// A name may hold spaces, so the line is read from its end. Without Xen's security module the label is "-".
const linePattern =
  /^(?<name>.*?)\s+(?<domid>\d+)\s+(?<mebibytes>\d+)\s+\d+\s+(?<flags>[-\w?]{6})\s+[\d.]+\s+(?<uuid>[0-9a-f-]{36})\s+(?<reason>\d+|-)(\s|$)/

/** Reads `xl list -v`; the control domain is left out, and so are domains that are being torn down. */
export function parseDomainList(text: string): readonly DomainLine[] {
  const [heading, ...lines] = text.split('\n')
  if (heading === undefined || !heading.startsWith('Name')) throw unexpected('xl list -v', text)
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => linePattern.exec(line)?.groups ?? fail(unexpected('xl list -v', line)))
    .filter(({ domid, flags = '' }) => domid !== '0' && flags[5] !== 'd')
    .map(({ name = '', domid, mebibytes, uuid = '', flags = '', reason = '-' }) => {
      const isIncoming = name.endsWith(incomingSuffix)
      const isMigratedAway = name.endsWith(migratedAwaySuffix)
      const suffix = isIncoming ? incomingSuffix : isMigratedAway ? migratedAwaySuffix : ''
      return {
        domid: Number(domid),
        name: name.slice(0, name.length - suffix.length),
        uuid,
        memoryBytes: Number(mebibytes) * MiB,
        state: stateOf(flags, reason),
        isIncoming,
        isMigratedAway,
      }
    })
}

// The flags stand in places of their own: running, blocked, paused, shut down, why, dying.
function stateOf(flags: string, reason: string): VmState {
  if (flags[3] !== 's') return flags[2] === 'p' ? 'paused' : 'running'
  if (Number(reason) === suspendReason) return 'suspended'
  return Number(reason) === crashReason ? 'crashed' : 'shutdown'
}

const domainListSchema = z.array(
  z.object({ domid: z.int(), config: z.record(z.string(), z.unknown()) }),
)

/** Reads `xl list -l`: each domain's configuration as libxl writes it. */
export function parseDomainConfigurations(
  text: string,
): ReadonlyMap<number, Readonly<Record<string, unknown>>> {
  const domains = parseOutput(domainListSchema, text, 'xl list -l')
  return new Map(domains.map(({ domid, config }) => [domid, config]))
}

const bridgeListSchema = z.array(z.object({ ifname: z.string() }))

/** Reads `ip -j link show type bridge`. */
export function parseBridges(text: string): readonly string[] {
  return parseOutput(bridgeListSchema, text, 'ip link').map(({ ifname }) => ifname)
}

function unexpected(command: string, output: string): CrosspoolError {
  const details = { command, how: 'unexpected output', output: output.slice(0, 500) }
  return new CrosspoolError('COMMAND_FAILED', details)
}

function fail(error: CrosspoolError): never {
  throw error
}
