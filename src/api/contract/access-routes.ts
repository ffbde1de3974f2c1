import { z } from 'zod'
import {
  auditEntrySchema,
  fingerprintSchema,
  introductionSchema,
  invitationSchema,
  peerSchema,
  sessionSchema,
  tokenCreateSchema,
  tokenSchema,
} from '../../model/access.ts'
import { defineRoutes } from './route.ts'
import { emptySchema } from './shared.ts'

/** The part that both daemons have: who may ask, and who did. */
export const accessRoutes = defineRoutes({
  getSession: {
    method: 'GET',
    path: '/session',
    role: 'viewer',
    peers: true,
    summary: 'Who you are here, and what you may do',
    response: sessionSchema,
  },
  getIdentity: {
    method: 'GET',
    path: '/identity',
    role: 'viewer',
    summary: 'What this daemon proves to be itself with, for whoever connects to it',
    response: z.object({ fingerprint: fingerprintSchema, url: z.string() }),
  },
  createToken: {
    method: 'POST',
    path: '/tokens',
    role: 'administrator',
    summary: 'Makes an API token; its secret is in this answer and nowhere else',
    body: tokenCreateSchema,
    response: z.object({ token: tokenSchema, secret: z.string() }),
    status: 201,
    errors: ['ALREADY_EXISTS'],
  },
  listTokens: {
    method: 'GET',
    path: '/tokens',
    role: 'administrator',
    summary: 'API tokens, without their secrets',
    response: z.array(tokenSchema),
  },
  revokeToken: {
    method: 'DELETE',
    path: '/tokens/{token}',
    role: 'administrator',
    summary: 'Ends a token, by id or name, and cuts whoever is connected with it',
    response: emptySchema,
    errors: ['NOT_FOUND'],
  },
  listAudit: {
    method: 'GET',
    path: '/audit',
    role: 'administrator',
    summary: 'Changes that were asked for, the newest last',
    query: z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(100) }),
    response: z.array(auditEntrySchema),
  },
})

/** The part of xapi's API with which hosts begin, and end, to trust each other. */
export const trustRoutes = defineRoutes({
  listPeers: {
    method: 'GET',
    path: '/peers',
    role: 'viewer',
    summary: 'Hosts that this one trusts',
    response: z.array(peerSchema),
  },
  invitePeer: {
    method: 'POST',
    path: '/peers/invitations',
    role: 'administrator',
    summary: 'One line with which one other host may join: once, within ten minutes',
    response: invitationSchema,
    status: 201,
  },
  joinPeer: {
    method: 'POST',
    path: '/peers',
    role: 'administrator',
    summary: 'Follows the line of another host: both trust each other then',
    body: z.object({ line: z.string().max(500) }),
    response: peerSchema,
    status: 201,
    errors: ['INVITATION_REFUSED', 'PEER_UNREACHABLE', 'PEER_UNTRUSTED'],
  },
  introducePeer: {
    method: 'POST',
    path: '/peers/introductions',
    role: 'anyone',
    summary: 'Between xapis: the code of the line, for which the caller is trusted by its key',
    body: introductionSchema.extend({ code: z.string().max(100) }),
    response: introductionSchema,
    errors: ['INVITATION_REFUSED', 'PEER_UNTRUSTED'],
  },
  revokePeer: {
    method: 'DELETE',
    path: '/peers/{peer}',
    role: 'administrator',
    summary: 'Trusts a host, or all of a pool, no longer, and cuts their connections',
    response: emptySchema,
    errors: ['NOT_FOUND'],
  },
})
