import { CrosspoolError } from '../../src/model/errors.ts'
import type { CommandResult } from '../../src/ports/command-runner.ts'
import type { HostView } from '../../src/ports/host-needs.ts'

export interface ScriptedHost {
  /** What a call, written as one line, answers. A program of no call is not there. */
  readonly commands?: Readonly<Record<string, string | Partial<CommandResult>>>
  readonly files?: Readonly<Record<string, string>>
  readonly modes?: Readonly<Record<string, number>>
  readonly freeBytes?: number
  readonly addresses?: Readonly<Record<string, readonly string[]>>
}

/** A host that shows what real hosts have shown. */
export function scriptedHost(script: ScriptedHost): HostView {
  const { commands = {}, files = {}, modes = {}, addresses = {} } = script
  const below = (folder: string) =>
    Object.keys(files)
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1).split('/')[0] ?? '')
  return {
    async probe(command, args) {
      const answer = commands[[command, ...args].join(' ')]
      if (answer === undefined)
        throw new CrosspoolError('COMMAND_FAILED', {
          ...{ command, how: 'could not be started', output: 'ENOENT' },
        })
      const given = typeof answer === 'string' ? { stdout: answer } : answer
      return { exitCode: 0, stdout: '', stderr: '', ...given }
    },
    readText: async (path) => files[path] ?? null,
    listFolder: async (path) => [...new Set(below(path))],
    async status(path) {
      const mode = modes[path] ?? (path in files || below(path).length > 0 ? 0o755 : undefined)
      return mode === undefined ? null : { mode }
    },
    canUse: async (path) => path in files,
    freeBytes: async () => script.freeBytes ?? null,
    addressesOf: async (name) => addresses[name] ?? [],
  }
}
