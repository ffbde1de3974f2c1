import type { AuditEntry, Peer, Token } from '../../model/access.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'

const when = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

export function tokensView(tokens: readonly Token[], style: Style): string {
  return table(
    tokens,
    [
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'ROLE', cell: ({ role }) => role },
      { title: 'MADE (UTC)', cell: ({ createdAtMs }) => when(createdAtMs) },
      {
        title: 'EXPIRES (UTC)',
        cell: ({ expiresAtMs }) => (expiresAtMs === null ? 'never' : when(expiresAtMs)),
      },
      { title: 'ID', cell: ({ id }) => id },
    ],
    'There are no tokens.',
    style,
  )
}

export function peersView(peers: readonly Peer[], style: Style): string {
  return table(
    peers,
    [
      { title: 'POOL', cell: ({ pool }) => pool },
      { title: 'HOST', cell: ({ name }) => name },
      { title: 'URL', cell: ({ url }) => url },
      { title: 'SINCE (UTC)', cell: ({ trustedAtMs }) => when(trustedAtMs) },
      { title: 'FINGERPRINT', cell: ({ fingerprint }) => fingerprint },
    ],
    'No host is trusted.',
    style,
  )
}

export function auditView(entries: readonly AuditEntry[], style: Style): string {
  return table(
    entries,
    [
      { title: 'WHEN (UTC)', cell: ({ atMs }) => when(atMs) },
      { title: 'WHO', cell: ({ who }) => who },
      { title: 'WHAT', cell: ({ what }) => what },
      { title: 'RESULT', cell: ({ result }) => result },
      { title: 'ON', cell: ({ on }) => on },
    ],
    'Nothing was changed.',
    style,
  )
}

/** The name in the certificate says nothing, the key does: hence `insecure` with a pin. */
export function curlView(
  { fingerprint }: { readonly fingerprint: string },
  secret: string,
): string {
  return [
    'insecure',
    `pinnedpubkey = "${fingerprint}"`,
    `header = "Authorization: Bearer ${secret}"`,
  ].join('\n')
}
