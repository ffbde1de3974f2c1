import { z } from 'zod'
import { storageConfigurationSchema } from '../src/daemons/storage/configuration.ts'
import { toolstackConfigurationSchema } from '../src/daemons/toolstack/configuration.ts'

const widthMax = 96

/** Configuration files in which every setting stands as a comment, by the name of the file. */
export function exampleConfigurations(): ReadonlyMap<string, string> {
  return new Map([
    ['sm.json', example('the storage manager, sm', storageConfigurationSchema)],
    ['xapi.json', example('the toolstack, xapi', toolstackConfigurationSchema)],
  ])
}

function example(daemon: string, schema: z.ZodObject): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' })
  const settings = Object.entries(properties).flatMap(([name, setting]) =>
    typeof setting === 'boolean' ? [] : [settingText(name, setting)],
  )
  return `// Configuration of ${daemon}. Each setting shows its default, or "for example" where it has
// none; take the // before it away to change it, then restart the daemon.
{
${settings.join('\n\n')}
}
`
}

type Setting = z.core.JSONSchema.BaseSchema

/** Prose has one blank after the //, a setting none or more. */
function settingText(name: string, setting: Setting): string {
  const value = partsOf(setting) ?? setting.default
  const isExample = value === undefined
  const prose = [
    `${setting.description ?? ''}${isExample ? ', for example' : ''}`,
    ...Object.entries(setting.properties ?? {}).flatMap(([part, inner]) =>
      typeof inner === 'object' && inner.description ? [`${part}: ${inner.description}`] : [],
    ),
  ]
  const text = JSON.stringify(value ?? setting.examples?.[0], null, 2)
  const lines = `${JSON.stringify(name)}: ${text},`.split('\n')
  return [
    ...prose.flatMap(wrapped).map((line) => `  // ${line}`),
    ...lines.map((line) => `  //${line}`),
  ].join('\n')
}

/** The defaults of the settings within a section. */
function partsOf({ properties = {} }: Setting): Readonly<Record<string, unknown>> | undefined {
  const parts = Object.entries(properties).flatMap(([name, part]) =>
    typeof part === 'boolean' || part.default === undefined ? [] : [[name, part.default]],
  )
  return parts.length === 0 ? undefined : Object.fromEntries(parts)
}

function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < widthMax)
      lines.push(`${lines.pop()} ${word}`)
    else lines.push(word)
  }
  return lines
}
