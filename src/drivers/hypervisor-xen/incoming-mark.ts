import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CrosspoolError } from '../../model/errors.ts'

/**
 * What a daemon that has died knew of a domain that it received: `held`, it has certainly not run
 * here; `told`, xl was given the word. It lies where a restart of the host forgets it, and with it
 * the domain.
 */
export type IncomingMark = 'held' | 'told'

export interface IncomingMarks {
  put(uuid: string, mark: IncomingMark): Promise<void>
  get(uuid: string): Promise<IncomingMark | null>
  remove(uuid: string): Promise<void>
}

export function createIncomingMarks(runtimeDirectory: string): IncomingMarks {
  return {
    async put(uuid, mark) {
      const path = pathOf(runtimeDirectory, uuid)
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeFile(path, mark, { mode: 0o600 })
    },
    async get(uuid) {
      const text = await readFile(pathOf(runtimeDirectory, uuid), 'utf8').catch(() => null)
      if (text === null) return null
      return text === 'held' ? 'held' : 'told'
    },
    remove: (uuid) => rm(pathOf(runtimeDirectory, uuid), { force: true }),
  }
}

/** @throws NOT_FOUND for an id that is no UUID: it would become part of a path */
function pathOf(runtimeDirectory: string, uuid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid))
    throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: uuid })
  return join(runtimeDirectory, 'incoming', uuid)
}
