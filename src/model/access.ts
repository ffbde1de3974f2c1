import { z } from 'zod'

/** Each may do what those before it may. */
const roles = ['viewer', 'operator', 'administrator'] as const
export const roleSchema = z.enum(roles)
export type Role = z.infer<typeof roleSchema>

/** Who asks. */
export interface Caller {
  readonly kind: 'local' | 'token' | 'peer'
  /** Of its token, or its fingerprint: what can be revoked. */
  readonly id: string
  readonly name: string
  /** A peer has none: it may call what says `peers`. */
  readonly role: Role | null
  /** Null: its credentials last until they are revoked. */
  readonly expiresAtMs: number | null
}

/** Who may call something. */
export interface Access {
  /** The least that a caller needs. `anyone`: it needs none, or brings a secret of another kind. */
  readonly role: Role | 'anyone'
  /** Daemons of trusted hosts may call it as well. */
  readonly peers?: true
}

/** Whoever can open the socket of a daemon is root, or the user whom the daemon runs as. */
export const localCaller: Caller = {
  ...{ kind: 'local', id: 'local', name: 'local', role: 'administrator' },
  expiresAtMs: null,
}

export function isAllowed(caller: Caller, { role, peers }: Access): boolean {
  if (role === 'anyone') return true
  if (caller.role === null) return peers === true
  return roles.indexOf(caller.role) >= roles.indexOf(role)
}

export const sessionSchema = z
  .object({
    kind: z.enum(['local', 'token', 'peer']),
    name: z.string(),
    role: roleSchema.nullable().describe('null: a peer'),
  })
  .meta({ id: 'Session' })

const nameSchema = z.string().regex(/^[\w.@-]{1,64}$/, 'letters, digits, and . _ @ - only')

export const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    createdAtMs: z.int(),
    expiresAtMs: z.int().nullable().describe('null: never'),
  })
  .meta({ id: 'Token' })
export type Token = z.infer<typeof tokenSchema>

export const tokenCreateSchema = z.object({
  name: nameSchema,
  role: roleSchema,
  expiresAtMs: z.int().positive().optional(),
})
export type TokenCreate = z.infer<typeof tokenCreateSchema>

/** SHA-256 of the public key, as curl's --pinnedpubkey wants it. */
export const fingerprintSchema = z.string().regex(/^sha256\/\/[A-Za-z0-9+/]{43}=$/)

const httpsUrlSchema = z.url({ protocol: /^https$/ }).max(300)

export const peerSchema = z
  .object({
    name: z.string(),
    pool: z.string(),
    url: z.string(),
    fingerprint: fingerprintSchema,
    trustedAtMs: z.int(),
  })
  .meta({ id: 'Peer' })
export type Peer = z.infer<typeof peerSchema>

/** What two hosts tell each other of themselves when they begin to trust each other. */
export const introductionSchema = z.object({
  name: z.string().min(1).max(100),
  pool: z.string().min(1).max(100),
  url: httpsUrlSchema,
})
export type Introduction = z.infer<typeof introductionSchema>

export const invitationSchema = z.object({
  line: z.string().describe('for `crosspool pool join` on the other host; good once'),
  expiresAtMs: z.int(),
})
export type Invitation = z.infer<typeof invitationSchema>

export const auditEntrySchema = z
  .object({
    atMs: z.int(),
    who: z.string().describe('local, token NAME, peer NAME'),
    what: z.string().describe('the operation'),
    on: z.string().describe('what it was asked of'),
    result: z.string().describe('done, or how it was refused'),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof auditEntrySchema>
