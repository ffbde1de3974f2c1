import { join } from 'node:path'
import { sectorBytes } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { within } from '../../ports/deadlines.ts'
import { exportIds } from './block-commands.ts'
import { dataExport, forward, gatewaySocketName, openUplink } from './gateway.ts'
import type { SourceRecord } from './mirror-record.ts'
import { connectNbd, type NbdClient } from './nbd-client.ts'
import type { Parts } from './parts.ts'
import { mirrorFolder } from './places.ts'
import { findStorageDaemon, type StorageDaemon, startStorageDaemon } from './storage-daemon.ts'
import {
  decodeWord,
  encodeWord,
  notYet,
  type SessionWord,
  type SourceWord,
  sessionOffset,
  sourceOffset,
  type TargetWord,
  targetOffset,
  targetWordSchema,
} from './witness.ts'

/** The source's connections to the target of one mirror: its gateway and the witness behind it. */
export class Uplink {
  readonly gateway: StorageDaemon
  /** Rejects with why it is of no use any more. */
  readonly broken: Promise<never>
  /** From which on the session copies what differs; 0: everything. */
  base = 0
  readonly #witness: NbdClient
  readonly #clock: Clock
  readonly #deadlineMs: number
  #break: (reason: string) => void = () => {}
  #isBroken = false

  constructor({ clock, timing }: Parts, gateway: StorageDaemon, witness: NbdClient) {
    this.gateway = gateway
    this.#witness = witness
    this.#clock = clock
    this.#deadlineMs = timing.deadlineMs
    this.broken = new Promise((_, reject) => {
      this.#break = (reason) =>
        reject(new CrosspoolError('PEER_UNREACHABLE', { url: 'the target', reason }))
    })
    this.broken.catch(() => {})
    void gateway.qmp.closed.then(() => this.break('the gateway has ended'))
    void witness.closed.then(() => this.break('the connection to the gateway has ended'))
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  break(reason: string): void {
    this.#isBroken = true
    this.#break(reason)
  }

  /** The target's gateway has it; with `flush` its disk too. */
  async say(word: SourceWord, flush: boolean): Promise<void> {
    await this.#inTime(this.#witness.write(sourceOffset, encodeWord(word)))
    if (flush) await this.#inTime(this.#witness.flush())
  }

  async wantSession(word: SessionWord): Promise<void> {
    await this.#inTime(this.#witness.write(sessionOffset, encodeWord(word)))
  }

  /** @throws BAD_REQUEST while the target writes it */
  async hear(): Promise<TargetWord> {
    const sector = await this.#inTime(this.#witness.read(targetOffset, sectorBytes))
    return decodeWord(targetWordSchema, sector) ?? notYet
  }

  /** Frees at once whatever waits for the link. */
  async kill(): Promise<void> {
    this.break('it was closed')
    this.#witness.close()
    await this.gateway.kill()
  }

  /** Leaves the gateway running. */
  disconnect(): void {
    this.break('this program ends')
    this.#witness.close()
    this.gateway.qmp.close()
  }

  async #inTime<Result>(answer: Promise<Result>): Promise<Result> {
    const what = 'an answer of the target'
    return await Promise.race([within(this.#clock, this.#deadlineMs, what, answer), this.broken])
  }
}

export function uplinkSocket(parts: Parts, record: SourceRecord): string {
  return join(mirrorFolder(parts, record), gatewaySocketName)
}

/** One that an earlier program has left, if it is still of use. */
export async function findUplink(parts: Parts, record: SourceRecord): Promise<Uplink | null> {
  const gateway = await findStorageDaemon(parts, mirrorFolder(parts, record))
  if (!gateway) return null
  try {
    return new Uplink(parts, gateway, await connectWitness(parts, record))
  } catch {
    await gateway.kill()
    return null
  }
}

/** A gateway that leads to the target's witness. Nothing is left of it when this rejects. */
export async function makeUplink(
  parts: Parts,
  record: SourceRecord,
  signal: AbortSignal,
): Promise<Uplink> {
  const { clock, timing } = parts
  const { welcome, secret } = record
  if (welcome === null) throw new CrosspoolError('NOT_FOUND', { kind: 'mirror', id: record.id })
  const folder = mirrorFolder(parts, record)
  const gateway = await startStorageDaemon(parts, folder)
  const kill = () => void gateway.kill()
  signal.addEventListener('abort', kill)
  try {
    signal.throwIfAborted()
    await openUplink(gateway.qmp, folder, secret, welcome)
    const connected = forward(gateway.qmp, welcome, 'role', 'role')
    await within(clock, timing.deadlineMs, 'a connection to the target', connected)
    return new Uplink(parts, gateway, await connectWitness(parts, record))
  } catch (error) {
    await gateway.kill()
    throw error
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

async function connectWitness(parts: Parts, record: SourceRecord): Promise<NbdClient> {
  const { clock, timing } = parts
  const connected = connectNbd(uplinkSocket(parts, record), 'role')
  return await within(clock, timing.deadlineMs, 'a connection to the gateway', connected)
}

/** The same, and the way to the target's disk. `base`: from which on it is known here what differs. */
export async function makeSession(
  parts: Parts,
  record: SourceRecord,
  base: number,
  signal: AbortSignal,
): Promise<Uplink> {
  const uplink = await makeUplink(parts, record, signal)
  const kill = () => void uplink.kill()
  signal.addEventListener('abort', kill)
  try {
    signal.throwIfAborted()
    await openData(parts, uplink, record, base)
    return uplink
  } catch (error) {
    await uplink.kill()
    throw error
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

const acknowledgementPauseMs = 20

/** Opens the way to the target's disk, once the target has cut off what came before this session. */
async function openData(
  parts: Parts,
  uplink: Uplink,
  record: SourceRecord,
  base: number,
): Promise<void> {
  const { clock, timing } = parts
  const { session, welcome } = record
  if (welcome === null) throw new CrosspoolError('NOT_FOUND', { kind: 'mirror', id: record.id })
  await uplink.wantSession({ session, base })
  const giveUpMs = clock.monotonicMs() + timing.deadlineMs
  const isServed = async () => {
    const word = await uplink.hear().catch(() => notYet)
    if (word.session === session && word.base === base) uplink.base = base
    return word.session === session
  }
  while (!(await isServed())) {
    if (uplink.isBroken) await uplink.broken
    if (clock.monotonicMs() > giveUpMs)
      throw new CrosspoolError('DEADLINE_PASSED', {
        ...{ what: 'session of the mirror at the target', timeoutMs: timing.deadlineMs },
      })
    await clock.sleep(acknowledgementPauseMs)
  }
  const connected = forward(uplink.gateway.qmp, welcome, dataExport(session), 'data')
  await within(clock, timing.deadlineMs, 'a connection to the disk of the target', connected)
}

export async function hasData(uplink: Uplink): Promise<boolean> {
  return (await exportIds(uplink.gateway.qmp)).has('data')
}

/** Everything that has been written to the target is on its disk afterwards. */
export async function flushTarget(parts: Parts, record: SourceRecord): Promise<void> {
  const { clock, timing } = parts
  const data = await connectNbd(uplinkSocket(parts, record), 'data')
  try {
    await within(clock, timing.deadlineMs, 'a flush of the target', data.flush())
  } finally {
    data.close()
  }
}

/** QEMU may wait for the link, and answers nothing meanwhile. */
export async function killWhenLate(
  { clock, timing }: Parts,
  uplink: Uplink,
  act: Promise<void>,
): Promise<void> {
  const ended = new AbortController()
  clock.sleep(timing.deadlineMs, ended.signal).then(
    () => uplink.kill(),
    () => {},
  )
  await act.finally(() => ended.abort())
}
