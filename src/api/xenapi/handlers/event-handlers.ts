import type { eventCalls } from '../calls/session-calls.ts'
import { recordType } from '../classes/describe-class.ts'
import { type ClassName, classNames, classOfLowerCase, xenClasses } from '../classes/index.ts'
import { XenApiFailure } from '../failure.ts'
import type { Session } from '../sessions.ts'
import { toWire } from '../to-wire.ts'
import { int32, map, string } from '../types.ts'
import type { Change } from '../view/change-log.ts'
import type { WireValue } from '../wire/plain.ts'
import { type CallHandlers, Encoded, type FaceParts } from './handler.ts'

/** One subscription: a whole class, or one object of it. */
interface Wanted {
  readonly className: ClassName
  readonly ref: string | null
}

/** Clients ask for a minute; nobody needs a connection that hangs for longer than an hour. */
const timeoutMsMax = 3_600_000
/** Many may wait at once; what one of them has read serves the others. */
const sharedMs = 200

export function eventHandlers(parts: FaceParts): CallHandlers<typeof eventCalls> {
  const { view } = parts
  return {
    'event.from': async ({ classes, token, timeout }, { session }) => {
      const from = readToken(token)
      const timeoutMs = Math.min(Math.max(0, timeout * 1000), timeoutMsMax)
      const found = await changesAfter(parts, session, classes.flatMap(readWanted), from, timeoutMs)
      return new Encoded(
        struct([
          ['events', { kind: 'array', items: found.changes.map(encodeChange) }],
          ['valid_ref_counts', toWire(map(string, int32), view.log.counts())],
          ['token', { kind: 'string', value: writeToken(found.generation) }],
        ]),
      )
    },

    'event.inject': async ({ class: className, ref }) => {
      const known = classOfLowerCase(className)
      if (!known || !view.log.find(known, ref))
        throw new XenApiFailure('HANDLE_INVALID', className, ref)
      const before = view.log.touch(ref)
      view.changed()
      return writeToken(before)
    },

    'event.register': async ({ classes }, { session }) => {
      const earlier = session.registered?.classes ?? []
      session.registered = {
        classes: [...new Set([...earlier, ...classes])],
        generation: session.registered?.generation ?? view.log.generation,
      }
      return ''
    },

    'event.unregister': async (_parameters, { session }) => {
      session.registered = null
      return ''
    },

    'event.next': async (_parameters, { session }) => {
      const { registered } = session
      if (!registered) throw new XenApiFailure('SESSION_NOT_REGISTERED', session.ref)
      const wanted = registered.classes.flatMap(readWanted)
      const { generation } = registered
      const found = await changesAfter(parts, session, wanted, generation, timeoutMsMax)
      session.registered = { ...registered, generation: found.generation }
      return new Encoded({ kind: 'array', items: found.changes.map(encodeChange) })
    },

    'event.get_current_id': async () => view.log.generation,
  }
}

/** @throws EVENTS_LOST, SESSION_INVALID when the session ends meanwhile */
async function changesAfter(
  { view, sessions, backend, closing }: FaceParts,
  session: Session,
  wanted: readonly Wanted[],
  from: number,
  timeoutMs: number,
): Promise<{ readonly changes: readonly Change[]; readonly generation: number }> {
  const { clock } = backend.environment
  const untilMs = clock.monotonicMs() + timeoutMs
  for (;;) {
    await view.refresh(sharedMs)
    sessions.use(session.ref)
    const all = view.log.since(from)
    if (!all) throw new XenApiFailure('EVENTS_LOST')
    const changes = all.filter((change) => wanted.some((one) => fits(one, change)))
    const leftMs = untilMs - clock.monotonicMs()
    if (changes.length > 0 || from === 0 || leftMs <= 0 || closing.aborted)
      return { changes, generation: view.log.generation }
    await view.pause(leftMs, closing)
  }
}

function fits({ className, ref }: Wanted, change: Change): boolean {
  return className === change.className && (ref === null || ref === change.ref)
}

/** What no class is called wants nothing: clients name more classes than there are. */
function readWanted(text: string): Wanted[] {
  if (text === '*') return classNames.map((className) => ({ className, ref: null }))
  const [name = '', ref = null] = text.split('/', 2)
  const className = classOfLowerCase(name)
  return className ? [{ className, ref }] : []
}

/** 0 for the empty token. The second number is xapi's count of messages, of which there are none. */
function readToken(token: string): number {
  if (token === '') return 0
  const [, generation] = /^(\d{1,20}),\d{1,20}$/.exec(token) ?? []
  if (generation === undefined) throw new XenApiFailure('EVENT_FROM_TOKEN_PARSE_FAILURE', token)
  return Number(generation)
}

function writeToken(generation: number): string {
  return `${String(generation).padStart(20, '0')},${'0'.repeat(20)}`
}

function encodeChange({ operation, className, ref, generation, record }: Change): WireValue {
  const text = (value: string): WireValue => ({ kind: 'string', value })
  const snapshot: [string, WireValue][] = record
    ? [['snapshot', toWire(recordType(xenClasses[className]), record)]]
    : []
  return struct([
    ['id', text(String(generation))],
    ['timestamp', text('0.0')],
    ['class', text(className.toLowerCase())],
    ['operation', text(operation)],
    ['ref', text(ref)],
    ...snapshot,
  ])
}

function struct(members: readonly (readonly [string, WireValue])[]): WireValue {
  return { kind: 'struct', members }
}
