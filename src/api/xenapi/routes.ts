import { type ClassCall, classCalls } from './calls/class-calls.ts'
import type { CallDescription, CallDescriptions } from './calls/describe-call.ts'
import { migrationCalls } from './calls/migration-calls.ts'
import { eventCalls, sessionCalls, taskCalls } from './calls/session-calls.ts'
import { type UnavailableCall, unavailableCalls } from './calls/unavailable-calls.ts'
import { vmCalls } from './calls/vm-calls.ts'
import { XenApiFailure } from './failure.ts'
import { answerClassCall } from './handlers/class-handler.ts'
import { eventHandlers } from './handlers/event-handlers.ts'
import { findRecord, textField } from './handlers/find-objects.ts'
import type { Begun, CallContext, Encoded, FaceParts } from './handlers/handler.ts'
import { migrationHandlers } from './handlers/migration-handlers.ts'
import { sessionHandlers } from './handlers/session-handlers.ts'
import { taskHandlers } from './handlers/task-handlers.ts'
import { vmHandlers } from './handlers/vm-handlers.ts'
import type { XenValue } from './types.ts'

/** One call and who answers it. */
export interface FaceRoute {
  readonly description: CallDescription
  /** It looks at objects, which have to be read first. */
  readonly needsObjects: boolean
  readonly run: (
    parameters: Readonly<Record<string, XenValue>>,
    context: CallContext,
  ) => Promise<Begun | Encoded | XenValue>
}

type AnyHandler = (parameters: never, context: CallContext) => Promise<Begun | Encoded | XenValue>

export function faceRoutes(parts: FaceParts): ReadonlyMap<string, FaceRoute> {
  return new Map([
    ...classCalls().map((call) => [call.name, classRoute(parts, call)] as const),
    ...table(sessionCalls, sessionHandlers(parts), false),
    ...table(eventCalls, eventHandlers(parts), false),
    ...table(taskCalls, taskHandlers(parts), false),
    ...table(migrationCalls, migrationHandlers(parts), true),
    ...table(vmCalls, vmHandlers(parts), true),
    ...Object.entries(unavailableCalls).map(
      ([name, call]) => [name, unavailableRoute(parts, name, call)] as const,
    ),
  ])
}

function table<Calls extends CallDescriptions>(
  calls: Calls,
  handlers: { readonly [Name in keyof Calls]: AnyHandler },
  needsObjects: boolean,
): (readonly [string, FaceRoute])[] {
  return Object.keys(calls).flatMap((name) => {
    const [description, handler] = [calls[name], handlers[name]]
    if (!description || !handler) return []
    // The parameters have been read by the very description that the handler's type was made of.
    const run: FaceRoute['run'] = (parameters, context) => handler(parameters as never, context)
    return [[name, { description, needsObjects, run }] as const]
  })
}

function classRoute(parts: FaceParts, call: ClassCall): FaceRoute {
  return {
    description: call.description,
    needsObjects: true,
    run: (parameters) => answerClassCall(parts, call, parameters),
  }
}

/** Clients learn from the power state, or from NOT_IMPLEMENTED, what they can do instead. */
function unavailableRoute(
  parts: FaceParts,
  name: string,
  { needs, description }: UnavailableCall,
): FaceRoute {
  return {
    description,
    needsObjects: true,
    run: async ({ vm }) => {
      if (needs !== null) {
        const self = String(vm)
        const state = textField(findRecord(parts, 'VM', self), 'power_state')
        if (state !== needs)
          throw new XenApiFailure(
            'VM_BAD_POWER_STATE',
            ...[self, needs.toLowerCase(), state.toLowerCase()],
          )
      }
      throw new XenApiFailure('NOT_IMPLEMENTED', name)
    },
  }
}
