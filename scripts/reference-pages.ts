import type { z } from 'zod'
import { storageApi, toolstackApi } from '../src/api/contract/api-descriptions.ts'
import type { Routes } from '../src/api/contract/route.ts'
import { storageRoutes } from '../src/api/contract/storage-routes.ts'
import { toolstackRoutes } from '../src/api/contract/toolstack-routes.ts'
import { describeRoutes } from '../src/api/server/describe-routes.ts'
import type { OpenApiOptions } from '../src/api/server/open-api.ts'
import { exitCodeOf } from '../src/cli/exit-codes.ts'
import { createProgram, helpOfAll } from '../src/cli/program/program.ts'
import { storageConfigurationSchema } from '../src/daemons/storage/configuration.ts'
import { toolstackConfigurationSchema } from '../src/daemons/toolstack/configuration.ts'
import { errorTable, isErrorCode } from '../src/model/errors.ts'
import { markdownTable } from './markdown-table.ts'
import { metricsPage } from './metrics-page.ts'
import { settingsOf } from './settings-of.ts'
import { xenApiPage } from './xenapi-page.ts'

/** The pages of docs/reference that are made from the code: file name and content. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['storage.openapi.json', await openApi(storageRoutes, storageApi)],
    ['toolstack.openapi.json', await openApi(toolstackRoutes, toolstackApi)],
    ['errors.md', errorsPage()],
    ['cli.md', cliPage()],
    ['configuration.md', configurationPage()],
    ['metrics.md', `${generated}\n\n${metricsPage()}`],
    ['xenapi.md', `${generated}\n\n${xenApiPage()}`],
  ])
}

async function openApi(routes: Routes, options: OpenApiOptions): Promise<string> {
  return `${JSON.stringify(await describeRoutes(routes, options), null, 2)}\n`
}

const generated = '<!-- Made by scripts/generate-reference.ts; change the code instead. -->'

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, { status, message, advice }]) => [
    ...[`\`${code}\``, String(status), isErrorCode(code) ? String(exitCodeOf(code)) : ''],
    ...[message, advice],
  ])
  return `${generated}

# Errors

Every failure has one of these codes, in the API, in the log and on the command line. A code never
changes its meaning. The API answers a document with \`code\`, \`message\`, \`advice\` and \`details\`, the
values that stand in the message. What went wrong inside is never shown; it is in the log of the
daemon, for \`INTERNAL\` under the reference that the message names.

${markdownTable([['code', 'HTTP', 'exit code', 'message', 'what to do'], ...rows])}
`
}

function configurationPage(): string {
  return `${generated}

# Configuration

One JSON file for each daemon, which may have comments (//) and trailing commas; a missing file, and whatever a file
leaves out, means the defaults. \`--config FILE\` names another file. What is not known or not valid stops the start with a
message for each field. Files with all settings to begin from are
[sm.json](../../packaging/configuration/sm.json) and [xapi.json](../../packaging/configuration/xapi.json).

## /etc/crosspool/sm.json, the storage manager

${settingsTable(storageConfigurationSchema)}

## /etc/crosspool/xapi.json, the toolstack

${settingsTable(toolstackConfigurationSchema)}
`
}

function settingsTable(schema: z.ZodObject): string {
  const rows = settingsOf(schema).map(({ name, standard, description }) => [
    ...[`\`${name}\``, standard === '' ? '' : `\`${standard}\``, description],
  ])
  return markdownTable([['setting', 'default', 'what'], ...rows])
}

function cliPage(): string {
  const pages = helpOfAll(createProgram((command) => command)).map(({ name, help }) => {
    // Two trailing spaces would mean something in Markdown, and nothing here.
    const text = help.replace(/ +$/gm, '')
    return `## ${name}\n\n\`\`\`text\n${text}\n\`\`\`\n`
  })
  return `${generated}

# Command line

${pages.join('\n')}`
}
