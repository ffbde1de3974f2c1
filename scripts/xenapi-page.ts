import type { CallDescription } from '../src/api/xenapi/calls/describe-call.ts'
import { xenCalls } from '../src/api/xenapi/calls/index.ts'
import { unavailableCalls } from '../src/api/xenapi/calls/unavailable-calls.ts'
import type { XenClass } from '../src/api/xenapi/classes/describe-class.ts'
import { xenClasses } from '../src/api/xenapi/classes/index.ts'
import { xenApiErrors } from '../src/api/xenapi/error-table.ts'
import { describeType } from '../src/api/xenapi/types.ts'
import { markdownTable } from './markdown-table.ts'

/** docs/reference/xenapi.md: what follows from the descriptions that both formats are made of. */
export function xenApiPage(): string {
  const calls = Object.entries<CallDescription>(xenCalls)
  const ours = calls.filter(([, { isOurs }]) => isOurs)
  const theirs = calls.filter(([, { isOurs }]) => !isOurs)
  return `# XenAPI

${introduction}

## Calls of our own

${callTable(ours)}

## Calls of xapi

What stands under \`Async\` has a second form, \`Async.\` and the name, which answers a task at once: for an
operation the very operation that \`GET /v1/operations\` shows, which a restart of the daemon does not end.

${callTable(theirs)}

## What every class has

\`get_all\`, \`get_all_records\`, \`get_record\`, \`get_by_uuid\`, \`get_by_name_label\` where there is such a
field, and \`get_FIELD\` for each field below. Clients may keep notes beside ${noted()}:
\`add_to_other_config\`, \`remove_from_other_config\`, \`set_other_config\`. Nothing else can be set.

## Calls that answer NOT_IMPLEMENTED

Clients know them and the engine cannot do them yet: ${Object.keys(unavailableCalls)
    .map((name) => `\`${name}\``)
    .join(
      ', ',
    )}. They check the VM and its power state first, and are not in \`system.listMethods\`. All
other calls of xapi answer MESSAGE_METHOD_UNKNOWN.

## Errors

Every code of [errors.md](errors.md) as XenAPI clients hear it. A migration that fails answers
\`VM_MIGRATE_FAILED [vm, source, destination, message]\` for all but those marked with *.

${markdownTable([
  ['code', 'XenAPI'],
  ...Object.entries(xenApiErrors).map(([code, { code: xenCode, alsoOfMigration }]) => [
    ...[`\`${code}\``, `\`${xenCode}\`${alsoOfMigration ? ' *' : ''}`],
  ]),
])}

## Classes

${Object.values<XenClass>(xenClasses).map(classSection).join('\n\n')}
`
}

const introduction = `The XenAPI of XenServer and XCP-ng, as a second face of the same toolstack: clients made for those list
VMs, disks and networks, hear of changes, and migrate VMs. [A walk-through](../walkthroughs/xenapi.md) shows
it with curl.

${markdownTable([
  ['where', 'what'],
  ["POST `/`, `/RPC2`, `/xmlrpc` on xapi's port", 'XML-RPC'],
  ['POST `/jsonrpc`', 'JSON-RPC 2.0 and 1.0, one call'],
])}

- **Login**: there are no users yet. Whoever connects from the host itself is let in, with any name and
  password; everybody else hears SESSION_AUTHENTICATION_FAILED. A proxy on the host makes everybody local.
  A session may do everything, ends after a day without a call, and with the daemon.
- **Each host is a pool of one host**, its own master, with a UUID of its own; \`pool.name_label\` is the pool
  that Crosspool knows. A client that works with several hosts connects to each.
- **References** are made of our ids and stay the same for ever. A VM has the same reference on every host,
  a shared SR and its VDIs too. While a VM migrates it is listed at one side at most.
- **Objects are read when somebody asks**, disks and SRs at most every 2 seconds; nothing is kept of them.
  \`event.from\` notices a change within half a second of its being known.
- **No browsers of other origins**: xapi's \`Access-Control-Allow-Origin: *\` is not sent.
- XML is read strictly: no document type, no entities but XML's own, no attributes, 1 MiB at most.
- Not there: consoles, snapshots, metrics (\`/rrd_updates\`), import and export, the \`xe\` protocol, HTTPS,
  \`get_all_records_where\`, halted VMs.
- A Crosspool host and a XenServer cannot migrate to each other, whatever they call it: their memory
  streams differ.`

function callTable(calls: readonly (readonly [string, CallDescription])[]): string {
  const rows = calls.map(([name, { parameters, result, kind, about }]) => {
    const names = Object.entries(parameters).map(([parameter, type]) => {
      const text = `${parameter}: ${describeType(type)}`
      return type.isOptional ? `[${text}]` : text
    })
    return [`\`${name}\``, names.join(', '), describeType(result), kind ? 'Async' : '', about]
  })
  return markdownTable([
    ['call', 'parameters after the session', 'answer', 'form', 'what'],
    ...rows,
  ])
}

function classSection({ name, about, fields }: XenClass): string {
  const rows = Object.entries(fields).map(([field, { type, about: what }]) => [
    ...[`\`${field}\``, describeType(type), what],
  ])
  return `### ${name}\n\n${about}\n\n${markdownTable([['field', 'type', 'what'], ...rows])}`
}

function noted(): string {
  return Object.values<XenClass>(xenClasses)
    .filter(({ keepsNotes }) => keepsNotes)
    .map(({ name }) => `\`${name}\``)
    .join(', ')
}
