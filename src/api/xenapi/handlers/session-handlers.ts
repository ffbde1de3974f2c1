import { methodNames } from '../calls/index.ts'
import type { sessionCalls } from '../calls/session-calls.ts'
import { XenApiFailure } from '../failure.ts'
import type { Session } from '../sessions.ts'
import { nullRef } from '../types.ts'
import { identities } from '../view/identities.ts'
import { findRecord } from './find-objects.ts'
import type { CallContext, CallHandlers, FaceParts } from './handler.ts'

export function sessionHandlers(parts: FaceParts): CallHandlers<typeof sessionCalls> {
  const { backend, sessions, view } = parts
  const { environment } = backend
  const here = identities.host({ pool: environment.pool, name: environment.host })
  const login = async ({ uname, pwd }: { readonly uname: string; readonly pwd: string }) =>
    (await sessions.login(uname, pwd)).ref
  const logout = async (_parameters: unknown, { session }: CallContext) => {
    sessions.end(session.ref)
    view.changed()
    return ''
  }
  return {
    'session.login_with_password': login,
    'session.slave_local_login_with_password': login,
    'session.logout': logout,
    'session.local_logout': logout,
    'session.get_uuid': async ({ self }, { session }) => own(self, session).uuid,
    'session.get_this_host': async ({ self }, { session }) => {
      own(self, session)
      return here.ref
    },
    'session.get_this_user': async ({ self }, { session }) => {
      own(self, session)
      return nullRef
    },
    'session.get_is_local_superuser': async ({ self }, { session }) =>
      own(self, session).caller.role === 'administrator',
    'session.get_auth_user_name': async ({ self }, { session }) => own(self, session).user,
    'system.listMethods': async () => methodNames(),
    'host.get_servertime': async ({ host }) => {
      findRecord(parts, 'host', host)
      return environment.clock.now()
    },
    'host.get_management_interface': async ({ host }) => {
      findRecord(parts, 'host', host)
      const found = view.log.all('PIF').find(({ record }) => record.management === true)
      return found?.ref ?? nullRef
    },
  }
}

/** A session is a secret: nobody hears anything of another one. */
function own(self: string, session: Session): Session {
  if (self !== session.ref) throw new XenApiFailure('HANDLE_INVALID', 'session', self)
  return session
}
