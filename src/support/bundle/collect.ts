import { readLmdbRecords } from '../../drivers/record-store-lmdb/read-records.ts'
import { version } from '../../lib/version.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import type { HostView } from '../../ports/host-needs.ts'
import { needsOf } from '../doctor/diagnose.ts'
import type { HostState, Surroundings } from '../host-state.ts'
import { createRedactor, redactDocument, secretsIn, secretsInText } from './redaction.ts'

/** Path in the bundle -> text. */
export type Parts = ReadonlyMap<string, string>

export interface Collected {
  readonly surroundings: Surroundings
  readonly state: HostState
  readonly diagnosis: Diagnosis
  readonly logFiles: readonly string[]
}

/** All parts of a bundle, without secrets. */
export async function collectParts(collected: Collected): Promise<Parts> {
  const { surroundings, state, diagnosis } = collected
  const [records, documents, texts] = await Promise.all([
    readRecords(state),
    askDaemons(surroundings),
    readTexts(collected),
  ])
  const files = { ...texts, 'versions.txt': versions(diagnosis) }
  const answers = { ...documents, ...records, 'doctor.json': diagnosis }
  const redact = createRedactor([
    ...Object.values(answers).flatMap(secretsIn),
    ...Object.values(files).flatMap(secretsInText),
  ])
  const jsonTexts = Object.entries(answers).map(([path, answer]) => {
    return [path, `${JSON.stringify(redactDocument(answer), null, 1)}\n`] as const
  })
  return new Map(
    [...jsonTexts, ...Object.entries(files)].map(([path, text]) => [path, redact(text)]),
  )
}

function versions({ host, atMs }: Diagnosis): string {
  const { version: node, arch } = process
  return `crosspool ${version}\nnode ${node} ${arch}\nhost ${host}\nat ${new Date(atMs).toISOString()}\n`
}

type Documents = Readonly<Record<string, unknown>>

async function readRecords({ sm, xapi }: HostState): Promise<Documents> {
  const stores = {
    sm: 'configuration' in sm ? `${sm.configuration.stateDirectory}/sm` : null,
    xapi: 'configuration' in xapi ? xapi.configuration.stateDirectory : null,
  }
  return named(
    Object.entries(stores).map(async ([name, path]) => {
      const read = path === null ? null : await readLmdbRecords(path).catch(problemOf)
      return [`records/${name}.json`, read] as const
    }),
  )
}

const timeoutMs = 20_000

async function askDaemons(surroundings: Surroundings): Promise<Documents> {
  const [sm, xapi] = await Promise.all([surroundings.storage(), surroundings.toolstack()])
  const options = { timeoutMs }
  const asked: Readonly<Record<string, Promise<unknown>>> = {
    facts: sm.facts({}, options),
    srs: sm.listSrs({}, options),
    vdis: sm.listVdis({}, options),
    replications: sm.listReplications({}, options),
    leftovers: sm.leftovers({}, options),
    host: xapi.getHost({}, options),
    hosts: xapi.listHosts({}, options),
    vms: xapi.listVms({}, options),
    operations: xapi.listOperations({}, options),
    receivers: xapi.listReceivers({}, options),
    ownerships: xapi.listOwnerships({}, options),
    replicas: xapi.listReplicas({}, options),
    'replica-schedules': xapi.listReplicaSchedules({}, options),
  }
  return named(
    Object.entries(asked).map(async ([name, answer]) => {
      return [`api/${name}.json`, await answer.catch(problemOf)] as const
    }),
  )
}

const logLines = 20_000

async function readTexts({ surroundings, state, logFiles }: Collected) {
  const { host } = surroundings
  const commands = [...systemStates, ...needsOf(state).flatMap(({ needs }) => needs.states ?? [])]
  const unique = new Map(commands.map((command) => [command.join(' '), command]))
  return named([
    ...[...unique].map(async ([line, command]) => {
      return [
        `commands/${line.replace(/[^\w.-]+/g, '-')}.txt`,
        await outputOf(host, command),
      ] as const
    }),
    ...Object.entries(logs).map(async ([name, command]) => {
      return [`logs/${name}.txt`, await outputOf(host, command)] as const
    }),
    ...[state.sm.file, state.xapi.file].map(async (file) => {
      return [
        `configuration/${plainName(file)}`,
        (await host.readText(file)) ?? 'not there\n',
      ] as const
    }),
    ...logFiles.map(async (file) => {
      const lines = ((await host.readText(file)) ?? 'not there').trimEnd().split('\n')
      return [`logs/${plainName(file)}`, `${lines.slice(-logLines).join('\n')}\n`] as const
    }),
  ])
}

type Command = readonly [command: string, ...args: string[]]

const units = ['--unit=crosspool-sm', '--unit=crosspool-xapi']

const logs: Readonly<Record<string, Command>> = {
  daemons: ['journalctl', ...units, '--since=-14days', `--lines=${logLines}`, '--output=cat'],
  kernel: ['journalctl', '--dmesg', '--lines=2000'],
}

const systemStates: readonly Command[] = [
  ['systemctl', 'status', '--no-pager', 'crosspool-sm', 'crosspool-xapi'],
  ['uname', '-a'],
  ['cat', '/etc/os-release'],
  ['cat', '/proc/modules'],
  [
    'dpkg-query',
    '--show',
    'crosspool*',
    'nodejs',
    'drbd*',
    'lvm2',
    'xen*',
    'qemu*',
    'linux-image*',
  ],
  ['df', '-h'],
  ['free', '-m'],
  ['lsblk'],
  ['ip', '-brief', 'address'],
  ['ip', 'route'],
  ['ss', '--listening', '--tcp', '--numeric', '--processes'],
]

/** As a terminal would show it. */
async function outputOf({ probe }: HostView, [command, ...args]: Command): Promise<string> {
  try {
    const { stdout, stderr, exitCode } = await probe(command, args, { timeoutMs })
    const end = exitCode === 0 ? '' : `\n(exit code ${exitCode})\n`
    return `$ ${[command, ...args].join(' ')}\n${stdout}\n${stderr}${end}`
  } catch (error) {
    return `$ ${[command, ...args].join(' ')}\n${error instanceof Error ? error.message : error}\n`
  }
}

/** /etc/crosspool/sm.json -> etc-crosspool-sm.json, so that two files of one name are two. */
function plainName(file: string): string {
  return file.replace(/^\/+/, '').replace(/\//g, '-')
}

function problemOf(error: unknown): unknown {
  if (isCrosspoolError(error)) return { problem: error.toDocument() }
  return { problem: error instanceof Error ? error.message : String(error) }
}

async function named<T>(
  entries: readonly Promise<readonly [string, T]>[],
): Promise<Readonly<Record<string, T>>> {
  return Object.fromEntries(await Promise.all(entries))
}
