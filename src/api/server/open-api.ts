import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { receiverTokenHeader } from '../contract/shared.ts'

export type OpenApiDocument = ReturnType<FastifyInstance['swagger']>

export interface OpenApiOptions {
  readonly title: string
  readonly description: string
  readonly version: string
}

/** Describes the routes that are mounted after it; the description is at /openapi.json. */
export function mountOpenApi(app: FastifyInstance, options: OpenApiOptions): void {
  const { title, description, version } = options
  app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version },
      components: {
        securitySchemes: {
          apiToken: { type: 'http', scheme: 'bearer' },
          receiverToken: { type: 'apiKey', in: 'header', name: receiverTokenHeader },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => tidyComponents(jsonSchemaTransformObject(document)),
  })
  const config = { access: { role: 'anyone' } } as const
  app.get('/openapi.json', { schema: { hide: true }, config }, () => app.swagger())
}

const reference = /"#\/components\/schemas\/(\w+)"/g

/**
 * Every named schema comes twice, as it is taken (`VdiInput`) and as it is answered (`Vdi`), used
 * or not. Leaves those out that nothing refers to, and drops `Input` where it makes no difference.
 * What is answered may have more fields one day, so nothing says that there are no others.
 */
function tidyComponents<Document extends object>(document: Document): Document {
  if (!('components' in document)) return document
  const open = JSON.stringify(document)
    .replaceAll(',"additionalProperties":false', '')
    .replaceAll('"Default Response"', '"The answer"')
  const { components, ...rest } = JSON.parse(open)
  const schemas: Record<string, unknown> = components.schemas ?? {}
  const used = reachable(JSON.stringify(rest), schemas)
  const kept = [...used].sort().map((name) => [name, schemas[name]])
  const tidy = { ...rest, components: { ...components, schemas: Object.fromEntries(kept) } }
  const inputs = [...used].filter((name) => name.endsWith('Input'))
  const needless = inputs.filter((name) => !used.has(base(name)) || isSame(name, schemas))
  return JSON.parse(needless.reduce(rename, JSON.stringify(tidy)))
}

function reachable(text: string, schemas: Record<string, unknown>): Set<string> {
  const found = new Set<string>()
  const texts = [text]
  for (let next = texts.pop(); next !== undefined; next = texts.pop()) {
    for (const [, name = ''] of next.matchAll(reference)) {
      if (found.has(name)) continue
      found.add(name)
      texts.push(JSON.stringify(schemas[name] ?? null))
    }
  }
  return found
}

const base = (name: string) => name.slice(0, -'Input'.length)

function isSame(name: string, schemas: Record<string, unknown>): boolean {
  const answered = JSON.stringify(schemas[base(name)])
  const taken = JSON.stringify(schemas[name])
  return taken.replace(reference, (whole) => whole.replace(/Input"$/, '"')) === answered
}

/** Where both are there, the later one of two equal members counts. */
function rename(text: string, from: string): string {
  return text
    .replaceAll(`"#/components/schemas/${from}"`, `"#/components/schemas/${base(from)}"`)
    .replaceAll(`"${from}":`, `"${base(from)}":`)
}
