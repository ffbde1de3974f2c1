import {
  bool,
  datetime,
  float,
  int,
  int32,
  map,
  nothing,
  record,
  ref,
  set,
  snapshot,
  string,
} from '../types.ts'
import { defineCalls, optional } from './describe-call.ts'

const login = {
  role: 'viewer',
  about: 'Answers the session that every other call begins with.',
  parameters: {
    uname: string,
    pwd: string,
    version: optional(string),
    originator: optional(string),
  },
  result: ref('session'),
  isOpen: true,
} as const

const logout = {
  role: 'viewer',
  about: 'Ends the session.',
  parameters: {},
  result: nothing,
} as const

const event = record({
  id: string,
  timestamp: string,
  class: string,
  operation: string,
  ref: string,
  snapshot,
})

export const sessionCalls = defineCalls({
  'session.login_with_password': login,
  'session.slave_local_login_with_password': login,
  'session.logout': logout,
  'session.local_logout': logout,
  'session.get_uuid': {
    role: 'viewer',
    about: 'A name for the session that is no secret.',
    parameters: { self: ref('session') },
    result: string,
  },
  'session.get_this_host': {
    role: 'viewer',
    about: 'The host that answers.',
    parameters: { self: ref('session') },
    result: ref('host'),
  },
  'session.get_this_user': {
    role: 'viewer',
    about: 'Always none: there is no class of users.',
    parameters: { self: ref('session') },
    result: ref('user'),
  },
  'session.get_is_local_superuser': {
    role: 'viewer',
    about: 'Whether the token may do everything.',
    parameters: { self: ref('session') },
    result: bool,
  },
  'session.get_auth_user_name': {
    role: 'viewer',
    about: 'Who logged in.',
    parameters: { self: ref('session') },
    result: string,
  },
  'system.listMethods': {
    role: 'viewer',
    about: 'Names of all calls; over XML-RPC as the bare list.',
    parameters: {},
    result: set(string),
    isOpen: true,
  },
  'host.get_servertime': {
    role: 'viewer',
    about: "The host's clock.",
    parameters: { host: ref('host') },
    result: datetime,
  },
  'host.get_management_interface': {
    role: 'viewer',
    about: 'The PIF with the address of xapi.',
    parameters: { host: ref('host') },
    result: ref('PIF'),
  },
})

export const eventCalls = defineCalls({
  'event.from': {
    role: 'viewer',
    about:
      'Waits until something of these classes (`*`, `VM`, `task/OpaqueRef:...`) has changed since the token, or the timeout in seconds has passed. An empty token means: all there is. EVENTS_LOST when the token is too old; begin with an empty one then.',
    parameters: { classes: set(string), token: string, timeout: float },
    result: record({
      events: set(event),
      valid_ref_counts: map(string, int32),
      token: string,
    }),
  },
  'event.inject': {
    role: 'operator',
    about: 'Makes an object look changed; answers a token from before that.',
    parameters: { class: string, ref: string },
    result: string,
  },
  'event.register': {
    role: 'viewer',
    about: 'For `event.next`, which old clients use.',
    parameters: { classes: set(string) },
    result: nothing,
  },
  'event.unregister': {
    role: 'viewer',
    about: 'Ends what `event.register` began.',
    parameters: { classes: optional(set(string)) },
    result: nothing,
  },
  'event.next': {
    role: 'viewer',
    about: 'Waits for the next changes of the registered classes.',
    parameters: {},
    result: set(event),
  },
  'event.get_current_id': {
    role: 'viewer',
    about: 'The latest generation.',
    parameters: {},
    result: int,
  },
})

export const taskCalls = defineCalls({
  'task.create': {
    role: 'operator',
    about: 'A task of the client, to show what it does.',
    parameters: { label: string, description: optional(string) },
    result: ref('task'),
  },
  'task.destroy': {
    role: 'operator',
    about: 'Removes a task from view. One that the engine works on must have ended.',
    parameters: { self: ref('task') },
    result: nothing,
  },
  'task.cancel': {
    role: 'operator',
    about:
      'Has a migration taken back; possible until the VM has been released. Other tasks cannot be cancelled.',
    parameters: { task: ref('task') },
    result: nothing,
  },
  'task.set_progress': {
    role: 'operator',
    about: 'Of a task of the client.',
    parameters: { self: ref('task'), value: float },
    result: nothing,
  },
  'task.set_status': {
    role: 'operator',
    about: 'Of a task of the client; anything but pending ends it.',
    parameters: { self: ref('task'), value: string },
    result: nothing,
  },
  'task.add_to_other_config': {
    role: 'operator',
    about: 'Of a task of the client.',
    parameters: { self: ref('task'), key: string, value: string },
    result: nothing,
  },
  'task.remove_from_other_config': {
    role: 'operator',
    about: 'Of a task of the client.',
    parameters: { self: ref('task'), key: string },
    result: nothing,
  },
})
