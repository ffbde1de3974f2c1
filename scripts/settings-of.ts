import { z } from 'zod'

interface Setting {
  readonly name: string
  /** As JSON; empty: there is none. */
  readonly standard: string
  readonly description: string
}

/** What a configuration may say, for people. */
export function settingsOf(schema: z.ZodObject): readonly Setting[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties).map(([name, setting]) => {
    if (typeof setting === 'boolean') return { name, standard: '', description: '' }
    const parts = Object.entries(setting.properties ?? {}).flatMap(([part, inner]) =>
      typeof inner === 'boolean' || inner.default === undefined ? [] : [[part, inner.default]],
    )
    const value = parts.length ? Object.fromEntries(parts) : setting.default
    const standard = value === undefined ? '' : JSON.stringify(value)
    return { name, standard, description: setting.description ?? '' }
  })
}
