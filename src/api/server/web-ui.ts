import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const pages = [
  { url: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { url: '/ui/app.js', name: 'app.js', type: 'text/javascript; charset=utf-8' },
  { url: '/ui/style.css', name: 'style.css', type: 'text/css; charset=utf-8' },
  { url: '/ui/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
] as const

/** They are the same on every host, and hold nothing; the page asks for a token. */
const open = { schema: { hide: true }, config: { access: { role: 'anyone' } } } as const

/** Nothing but the daemon's own files runs in the page, and it talks to nobody else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ')

const notBuilt = 'The web UI has not been built: run npm run build.\n'

interface StaticFile {
  readonly type: string
  readonly plain: Buffer
  readonly zipped: Buffer
  readonly tag: string
}

/** Serves the web UI from the first of the folders that is there. It is static; all that it shows comes from the API. */
export function mountWebUi(app: FastifyInstance, folders: readonly string[]): void {
  const folder = folders.find((candidate) => existsSync(join(candidate, 'index.html')))
  if (folder === undefined) {
    app.get('/', open, (_request, reply) => reply.code(404).send(notBuilt))
    return
  }
  for (const { url, name, type } of pages) {
    const file = readStaticFile(join(folder, name), type)
    app.get(url, open, (request, reply) => send(file, request, reply))
  }
}

function readStaticFile(path: string, type: string): StaticFile {
  const plain = readFileSync(path)
  const tag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { type, plain, zipped: gzipSync(plain, { level: 9 }), tag }
}

function send(file: StaticFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
    etag: file.tag,
  })
  if (request.headers['if-none-match'] === file.tag) return reply.code(304).send()
  reply.type(file.type)
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(file.plain)
  return reply.header('content-encoding', 'gzip').send(file.zipped)
}
