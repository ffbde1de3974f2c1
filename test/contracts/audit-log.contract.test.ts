import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createFileAuditLog } from '../../src/drivers/audit-log-file/index.ts'
import { createMemoryAuditLog } from '../../src/drivers/simulated/audit-log.ts'
import type { AuditEntry } from '../../src/model/access.ts'
import { silentLog } from '../../src/ports/log.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-audit-'))
  folders.push(folder)
  return folder
}

const entry = (number: number): AuditEntry => ({
  ...{ atMs: number, who: 'local', what: 'migrate', on: '/v1/vms/a/migrate', result: 'done' },
})
const numbers = (entries: readonly AuditEntry[]) => entries.map(({ atMs }) => atMs)
const file = (directory: string) => createFileAuditLog({ directory, log: silentLog })

describe.each([
  ['memory', () => createMemoryAuditLog()],
  ['file', () => file(newFolder())],
])('audit log: %s', (_, create) => {
  it('keeps entries in the order in which they came', async () => {
    const auditLog = create()
    await Promise.all([1, 2, 3, 4].map((number) => auditLog.append(entry(number))))
    expect(numbers(await auditLog.last(100))).toEqual([1, 2, 3, 4])
    expect(await auditLog.last(1)).toEqual([entry(4)])
  })

  it('is empty at first', async () => {
    expect(await create().last(10)).toEqual([])
  })
})

describe('audit log in files', () => {
  it('goes on after a restart, and past half a line that a crash has left', async () => {
    const folder = newFolder()
    await file(folder).append(entry(1))
    appendFileSync(join(folder, 'audit.jsonl'), '{"atMs":\n')
    await file(folder).append(entry(2))
    expect(numbers(await file(folder).last(10))).toEqual([1, 2])
  })

  it('is for its user alone, and puts full files aside, ten in all', async () => {
    const folder = newFolder()
    const auditLog = createFileAuditLog({ directory: folder, log: silentLog, fileBytesMax: 1 })
    for (let number = 1; number <= 14; number += 1) await auditLog.append(entry(number))
    expect(numbers(await auditLog.last(100))).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    expect(readdirSync(folder)).toHaveLength(10)
    expect(statSync(join(folder, 'audit.jsonl')).mode & 0o777).toBe(0o600)
  })

  it('that cannot be written stops nobody, and is told', async () => {
    const told: unknown[] = []
    const log = { ...silentLog, error: (fields: unknown) => void told.push(fields) }
    const auditLog = createFileAuditLog({ directory: '/dev/null/audit', log })
    await auditLog.append(entry(1))
    expect(told).toHaveLength(1)
  })
})
