import { isAllowed, type Role } from '../../model/access.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { XenApiBackend } from './backend.ts'
import { describeFailure } from './error-table.ts'
import { XenApiFailure } from './failure.ts'
import { type Begun, type CallContext, Encoded, type FaceParts } from './handlers/handler.ts'
import { Notes } from './notes.ts'
import { readArguments } from './read-arguments.ts'
import { type FaceRoute, faceRoutes } from './routes.ts'
import { type Authenticate, type Session, Sessions } from './sessions.ts'
import { Tasks } from './tasks.ts'
import { toWire } from './to-wire.ts'
import type { XenValue } from './types.ts'
import { identities } from './view/identities.ts'
import { ObjectView } from './view/object-view.ts'
import { failureOfOperation, resultOf } from './view/task-objects.ts'
import type { Call, Outcome, Plain, WireValue } from './wire/plain.ts'
import { writeXmlRpcValue } from './wire/xml-rpc.ts'

type Parameters = Readonly<Record<string, XenValue>>

const asyncPrefix = 'Async.'

/** The XenAPI over the engine: what it does with a call, whatever format that came in. */
export class XenApiFace {
  readonly #parts: FaceParts
  readonly #routes: ReadonlyMap<string, FaceRoute>
  readonly #closing = new AbortController()

  constructor(backend: XenApiBackend, authenticate: Authenticate) {
    const { clock, random, store } = backend.environment
    const tasks = new Tasks({ clock, random })
    const notes = new Notes(store)
    this.#parts = {
      ...{ backend, tasks, notes },
      view: new ObjectView({ backend, notes, tasks }),
      sessions: new Sessions({ clock, random, authenticate }),
      closing: this.#closing.signal,
    }
    this.#routes = faceRoutes(this.#parts)
  }

  /** Never rejects: a failure is an answer like another. */
  async answer(call: Call): Promise<Outcome> {
    try {
      return { value: await this.#run(call) }
    } catch (error) {
      return { failure: this.#describe(error) }
    }
  }

  /** Lets nobody wait any longer. */
  close(): void {
    this.#closing.abort()
    this.#parts.view.close()
  }

  async #run({ method, parameters }: Call): Promise<WireValue> {
    const isAsync = method.startsWith(asyncPrefix)
    const route = this.#routes.get(isAsync ? method.slice(asyncPrefix.length) : method)
    if (!route || (isAsync && route.description.kind === undefined))
      throw new XenApiFailure('MESSAGE_METHOD_UNKNOWN', method)
    const { description } = route
    const session = description.isOpen ? nobody : this.#session(parameters)
    if (!description.isOpen) refuseLesser(method, description.role, session)
    const given = description.isOpen ? parameters : parameters.slice(1)
    const read = readArguments(method, description, given)
    const context = { session }
    if (!description.isOpen && description.role !== 'viewer') this.#note(method, session)
    if (isAsync) return text(await this.#begin(method, route, read, context))
    const value = await this.#complete(route, read, context)
    return value instanceof Encoded ? value.wire : toWire(description.result, value)
  }

  /** As it is asked: what becomes of it is in the operation. */
  #note(what: string, { caller, user }: Session): void {
    const who = `${caller.kind} ${caller.name}, as ${user}`
    this.#parts.backend.note({ who, what, on: 'XenAPI', result: 'asked' })
  }

  /** A token counts no longer, and with it its sessions. */
  endSessionsOf(callerId: string): void {
    this.#parts.sessions.endOf(callerId)
  }

  #session([first]: readonly Plain[]): Session {
    return this.#parts.sessions.use(typeof first === 'string' ? first : '')
  }

  /** Waits for the end of what the call began. */
  async #complete(
    route: FaceRoute,
    parameters: Parameters,
    context: CallContext,
  ): Promise<XenValue | Encoded> {
    const { view, backend } = this.#parts
    if (route.needsObjects) await view.refresh()
    const value = await route.run(parameters, context)
    if (!isBegun(value)) return value
    view.changed()
    const operation = await backend.toolstack.operations.wait(value.operation.id)
    view.changed()
    if (operation.state === 'succeeded') return value.answer
    const [code, ...rest] = failureOfOperation(operation)
    throw new XenApiFailure(code, ...rest)
  }

  /** Answers the task: the operation itself where there is one. */
  async #begin(
    method: string,
    route: FaceRoute,
    parameters: Parameters,
    context: CallContext,
  ): Promise<string> {
    const { tasks, view } = this.#parts
    if (route.description.kind === 'operation') {
      try {
        await view.refresh()
        const begun = await route.run(parameters, context)
        if (!isBegun(begun)) throw new Error(`${method} began no operation`)
        tasks.noteOrigin(begun.operation.id, { call: method, answer: begun.answer })
        view.changed()
        return identities.task(begun.operation.id).ref
      } catch (error) {
        return this.#failedTask(method, error)
      }
    }
    const { ref } = identities.task(tasks.create(method).id)
    void this.#complete(route, parameters, context)
      .then((value) => tasks.end(ref, 'success', { result: asResult(route, value) }))
      .catch((error) => this.#fail(ref, error))
      .finally(() => view.changed())
    return ref
  }

  #failedTask(method: string, error: unknown): string {
    const { ref } = identities.task(this.#parts.tasks.create(method).id)
    this.#fail(ref, error)
    this.#parts.view.changed()
    return ref
  }

  #fail(ref: string, error: unknown): void {
    const failure = this.#describe(error)
    const status = failure[0] === 'TASK_CANCELLED' ? 'cancelled' : 'failure'
    this.#parts.tasks.end(ref, status, { failure })
  }

  #describe(error: unknown): readonly [string, ...string[]] {
    if (error instanceof XenApiFailure) return error.description
    const { log, random } = this.#parts.backend.environment
    const isKnown = error instanceof CrosspoolError
    const shown = isKnown
      ? error
      : new CrosspoolError('INTERNAL', { reference: random.uuid() }, error)
    if (isKnown) log.debug({ error }, 'a call of the XenAPI was refused')
    else log.error({ error, ...shown.details }, 'a call of the XenAPI failed')
    return describeFailure(shown)
  }
}

/** Of the calls that need no session. */
const nobody: Session = {
  ...{ ref: '', uuid: '', user: '', usedAtMs: 0, registered: null },
  caller: { kind: 'token', id: '', name: '', role: null, expiresAtMs: null },
}

/** @throws RBAC_PERMISSION_DENIED */
function refuseLesser(method: string, role: Role, { caller }: Session): void {
  if (isAllowed(caller, { role })) return
  const reason = `${caller.name} is ${caller.role}; this needs ${role}`
  throw new XenApiFailure('RBAC_PERMISSION_DENIED', method, reason)
}

function isBegun(value: Begun | Encoded | XenValue): value is Begun {
  return typeof value === 'object' && 'operation' in value && 'answer' in value
}

function asResult({ description }: FaceRoute, value: XenValue | Encoded): string {
  if (value instanceof Encoded) return writeXmlRpcValue(value.wire)
  if (typeof value === 'string') return resultOf(value)
  return writeXmlRpcValue(toWire(description.result, value))
}

function text(value: string): WireValue {
  return { kind: 'string', value }
}
