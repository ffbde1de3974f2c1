import stripJsonComments from 'strip-json-comments'
import { z } from 'zod'

export type ParsedConfiguration<T> =
  | { readonly configuration: T }
  /** One line each: which field, and what is allowed there. */
  | { readonly problems: readonly string[] }

/** Reads the text of a configuration file: JSON that may have comments and trailing commas. */
export function parseConfiguration<Schema extends z.ZodObject>(
  schema: Schema,
  text: string,
): ParsedConfiguration<z.output<Schema>> {
  const json = parseJson(text)
  if ('problem' in json) return { problems: [json.problem] }
  const parsed = schema.safeParse(json.value)
  if (parsed.success) return { configuration: parsed.data }
  const described = z.toJSONSchema(schema, { io: 'input' })
  return { problems: parsed.error.issues.map((issue) => explain(issue, described)) }
}

function parseJson(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    // Comments become blanks, so that positions stay.
    return { value: JSON.parse(stripJsonComments(text, { trailingCommas: true })) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const [, position] = / at position (\d+)/.exec(message) ?? []
    if (position === undefined) return { problem: `this is not JSON: ${message}` }
    const before = text.slice(0, Number(position)).split('\n')
    const [what = ''] = message.split(/ in JSON at position| at position/)
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    return { problem: `${place}: this is not JSON: ${what}` }
  }
}

type Described = z.core.JSONSchema.BaseSchema

function explain(issue: z.core.$ZodIssue, schema: Described): string {
  const path = issue.path.map(String)
  const described = descriptionAt(schema, path)
  const where = path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => [...path, key].join('.')).join(', ')
    const known = Object.keys(described?.properties ?? {}).join(', ')
    return `${unknown}: there is no such setting${known === '' ? '' : `; there is ${known}`}`
  }
  const about = described?.description
  return `${where === '' ? 'the file' : where}: ${issue.message}${about ? ` (${about})` : ''}`
}

function descriptionAt(schema: Described, path: readonly string[]): Described | undefined {
  let at: Described | undefined = schema
  for (const name of path) {
    const next: Described | boolean | undefined = at?.properties?.[name]
    at = typeof next === 'object' ? next : undefined
  }
  return at
}
