import type { Argument, Command, Option } from 'commander'
import type { z } from 'zod'
import { exitCodeMeanings } from '../src/cli/exit-codes.ts'
import { visibleChildren } from '../src/cli/program/completion.ts'
import { createProgram, fullHelp } from '../src/cli/program/program.ts'
import {
  storageConfigurationFile,
  storageConfigurationSchema,
} from '../src/daemons/storage/configuration.ts'
import {
  toolstackConfigurationFile,
  toolstackConfigurationSchema,
} from '../src/daemons/toolstack/configuration.ts'
import { version } from '../src/lib/version.ts'
import { settingsOf } from './settings-of.ts'

/** Manual pages by the names of their files: the command, each of its commands, and both daemons. */
export function manPages(): ReadonlyMap<string, string> {
  const program = createProgram((command) => command)
  const commands = visibleChildren(program)
  const daemons = [
    ['crosspool-sm', "Crosspool's storage manager", storageConfigurationFile],
    ['crosspool-xapi', "Crosspool's toolstack", toolstackConfigurationFile],
  ] as const
  const schemas = [storageConfigurationSchema, toolstackConfigurationSchema]
  return new Map([
    ['crosspool.1', programPage(program, commands)],
    ...commands.map((command) => [`${pageName(command)}.1`, commandPage(command)] as const),
    ...daemons.map(([name, about, file], index) => {
      const schema = schemas[index] ?? storageConfigurationSchema
      return [`${name}.8`, daemonPage(name, about, file, schema)] as const
    }),
  ])
}

const pageName = (command: Command) => `crosspool-${command.name()}`
const summaryOf = (command: Command) =>
  command.summary() || (command.description().split('\n')[0] ?? '')

function programPage(program: Command, commands: readonly Command[]): string {
  const [summary = '', ...description] = program.description().split('\n\n')
  const list = commands.map((child) => {
    return item(`\\fB${roff(pageName(child))}\\fR(1)`, summaryOf(child))
  })
  return page('crosspool', 1, summary, [
    section('SYNOPSIS', synopsis(program)),
    section('DESCRIPTION', paragraphs(description.join('\n\n'))),
    section('COMMANDS', list.join('\n')),
    section('OPTIONS', optionList(program.options)),
    section(
      'EXIT STATUS',
      exitCodeMeanings.map(([code, meaning]) => item(`\\fB${code}\\fR`, meaning)).join('\n'),
    ),
    section('EXAMPLES', examplesOf(program)),
    seeAlso(['crosspool-sm(8)', 'crosspool-xapi(8)']),
  ])
}

function commandPage(command: Command): string {
  const children = visibleChildren(command)
  const of = children.map((child) =>
    [
      `.SS ${roff(child.name())}`,
      `\\fB${roff(`crosspool ${command.name()} ${child.name()}`)}\\fR ${usageOf(child)}`,
      `.PP\n${paragraphs(child.description())}`,
      argumentList(child.registeredArguments),
      optionList(child.options),
      examplesOf(child),
    ]
      .filter(Boolean)
      .join('\n'),
  )
  return page(pageName(command), 1, summaryOf(command), [
    section('SYNOPSIS', synopsis(command)),
    section('DESCRIPTION', paragraphs(command.description())),
    section('ARGUMENTS', argumentList(command.registeredArguments)),
    section('OPTIONS', optionList(command.options)),
    section('COMMANDS', of.join('\n')),
    section('EXAMPLES', examplesOf(command)),
    seeAlso(['crosspool(1)']),
  ])
}

function daemonPage(name: string, about: string, file: string, schema: z.ZodObject): string {
  const settings = settingsOf(schema).map(({ name: setting, standard, description }) => {
    const ending = standard === '' ? '' : ` (${standard} unless told)`
    return item(`\\fB${roff(setting)}\\fR`, `${description}${ending}`)
  })
  const does = `Reads its configuration, answers HTTP, and logs JSON lines to standard output. Started by systemd as ${name}.service.`
  return page(name, 8, about, [
    section('SYNOPSIS', `\\fB${roff(name)}\\fR [\\fB\\-\\-config\\fR \\fIfile\\fR]`),
    section('DESCRIPTION', paragraphs(does)),
    section('SETTINGS', settings.join('\n')),
    section('FILES', item(`\\fI${roff(file)}\\fR`, 'the settings: JSON that may have comments')),
    seeAlso(['crosspool(1)', 'crosspool-doctor(1)']),
  ])
}

function page(name: string, chapter: number, summary: string, sections: readonly string[]): string {
  return [
    '.\\" Made by scripts/man-pages.ts; change the code instead.',
    `.TH ${roff(name.toUpperCase())} ${chapter} "" "Crosspool ${version}" "Crosspool"`,
    '.nh',
    '.ad l',
    section('NAME', `${roff(name)} \\- ${roff(summary)}`),
    ...sections,
  ]
    .filter(Boolean)
    .join('\n')
    .concat('\n')
}

function section(title: string, text: string): string {
  return text === '' ? '' : `.SH ${title}\n${text}`
}

function seeAlso(pages: readonly string[]): string {
  const links = pages.map((link) => `\\fB${roff(link.slice(0, -3))}\\fR${link.slice(-3)}`)
  return section('SEE ALSO', links.join(',\n'))
}

function synopsis(command: Command): string {
  const name = command.parent ? `crosspool ${command.name()}` : 'crosspool'
  return `\\fB${roff(name)}\\fR ${usageOf(command)}`
}

const usageOf = (command: Command) => roff(command.usage())

function argumentList(declared: readonly Argument[]): string {
  return declared
    .map((argument) => {
      const { argChoices = [] } = argument
      const text = argument.description || argChoices.join(', ')
      return item(`\\fI${roff(argument.name())}\\fR`, text)
    })
    .join('\n')
}

function optionList(options: readonly Option[]): string {
  return options
    .map(({ flags, description }) => item(`\\fB${roff(flags)}\\fR`, description))
    .join('\n')
}

const item = (head: string, text: string) => `.TP\n${head}\n${roff(text)}`

function paragraphs(text: string): string {
  return text.split('\n\n').map(roff).join('\n.PP\n')
}

/** As they stand in the help. */
function examplesOf(command: Command): string {
  const lines = fullHelp(command).split('\n')
  const examples = lines.flatMap((line) => /^ {2}\$ (.*)$/.exec(line)?.[1] ?? [])
  if (examples.length === 0) return ''
  return `.PP\n.nf\n${examples.map(roff).join('\n')}\n.fi`
}

/** No character of a text may be taken for an instruction. */
function roff(text: string): string {
  return (
    text
      .replace(/\s*\n\s*/g, ' ')
      .replace(/\\/g, '\\e')
      .replace(/-/g, '\\-')
      .replace(/^([.'])/, '\\&$1')
      // A line may be broken here.
      .replace(/,(?=\S)/g, ',\\:')
      .replace(/…/g, '...')
  )
}
