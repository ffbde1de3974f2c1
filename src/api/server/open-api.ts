import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'

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
      components: { securitySchemes: { receiverToken: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => tidyComponents(jsonSchemaTransformObject(document)),
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

const reference = /"#\/components\/schemas\/(\w+)"/g

/**
 * Every named schema comes twice, as it is taken (`VdiInput`) and as it is answered (`Vdi`), used
 * or not. Leaves those out that nothing refers to, and drops `Input` where there is only that one.
 */
export function tidyComponents<Document extends object>(document: Document): Document {
  if (!('components' in document)) return document
  const { components, ...rest } = document
  const schemas = schemasOf(components)
  const used = reachable(JSON.stringify(rest), schemas)
  const kept = Object.entries(schemas)
    .filter(([name]) => used.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const tidy = { ...rest, components: { ...Object(components), schemas: Object.fromEntries(kept) } }
  const text = JSON.stringify(tidy).replaceAll('"Default Response"', '"The answer"')
  const lonely = [...used].filter((name) => name.endsWith('Input') && !used.has(base(name)))
  return JSON.parse(lonely.reduce((result, name) => rename(result, name, base(name)), text))
}

function schemasOf(components: unknown): Record<string, unknown> {
  return Object(Object(components).schemas)
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

function rename(text: string, from: string, to: string): string {
  return text
    .replaceAll(`"#/components/schemas/${from}"`, `"#/components/schemas/${to}"`)
    .replaceAll(`"${from}":`, `"${to}":`)
}
