import type { CliContext } from '../context.ts'
import type { NameKind } from '../program/completion.ts'

/** Somebody waits at a prompt. */
const options = { timeoutMs: 2_000 } as const

/** The names of things, one on each line. A daemon that does not answer knows none: the command line is still being typed. */
export async function complete(context: CliContext, kinds: readonly NameKind[]): Promise<void> {
  const names = await Promise.all(kinds.map((kind) => namesOf(context, kind).catch(() => [])))
  context.print([...new Set(names.flat())].join('\n'))
}

async function namesOf(context: CliContext, kind: NameKind): Promise<readonly string[]> {
  const [sm, xapi] = await Promise.all([context.storage(), context.toolstack()])
  switch (kind) {
    case 'vms':
      return (await xapi.listVms({}, options)).map(({ name }) => name)
    case 'hosts':
      return (await xapi.listPools({}, options)).flatMap(({ name, hosts }) =>
        hosts.map((host) => `${name}/${host}`),
      )
    case 'operations':
      return (await xapi.listOperations({}, options)).map(({ id }) => id)
    case 'srs':
      return (await sm.listSrs({}, options)).map(({ name }) => name)
    case 'vdis':
      return (await sm.listVdis({}, options)).map(({ name }) => name)
    case 'replications':
      return (await sm.listReplications({}, options)).map(({ id }) => id)
  }
}
