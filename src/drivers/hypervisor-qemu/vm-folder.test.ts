import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MiB } from '../../lib/units.ts'
import {
  complaintOf,
  incomingMark,
  limitConsoleLog,
  listVmFolders,
  makeVmFolder,
  markIncoming,
  readVm,
  unmarkIncoming,
  type VmFolder,
  vmFolder,
} from './vm-folder.ts'

const id = '89964b20-bf23-42a0-9a26-d8542802d292'
let directory: string
let folder: VmFolder

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'folders-'))
  folder = vmFolder(directory, id)
})

afterEach(() => rm(directory, { recursive: true }))

test('what is written is read, and the mark of a copy that arrives stays until it has run', async () => {
  const vm = {
    ...{ id, name: 'web', vcpus: 1, memoryBytes: MiB, disks: [], interfaces: [] },
    accelerator: 'tcg' as const,
    details: {
      ...{ machine: 'pc-q35-7.2', cpu: 'qemu64-v1', networkTypes: {} },
      boot: { disk: true as const },
    },
  }
  await makeVmFolder(folder, vm, true)
  await writeFile(join(directory, 'something-else'), '')
  expect(await listVmFolders(directory)).toEqual([id])
  expect(await readVm(folder)).toEqual(vm)
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
  expect(await incomingMark(folder)).toBe('held')
  await markIncoming(folder, 'told')
  expect(await incomingMark(folder)).toBe('told')
  await unmarkIncoming(folder)
  expect(await incomingMark(folder)).toBeNull()
})

test('a mark that was cut short by a crash is taken for the worse', async () => {
  await makeVmFolder(folder, JSON.parse('{}'), true)
  await writeFile(folder.incoming, '')
  expect(await incomingMark(folder)).toBe('told')
})

test('no folder is named by what is no UUID', () => {
  for (const name of ['../x', 'web', id.toUpperCase()])
    expect(() => vmFolder(directory, name)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
})

test('there are no VMs where there is no folder', async () => {
  expect(await listVmFolders(join(directory, 'none'))).toEqual([])
})

test('a console that has written much begins anew, and what it wrote last is kept', async () => {
  await makeVmFolder(folder, JSON.parse('{}'), false)
  await limitConsoleLog(folder)
  const text = `${'x'.repeat(4 * MiB)}the end`
  await writeFile(folder.consoleLog, text)
  await limitConsoleLog(folder)
  expect((await stat(folder.consoleLog)).size).toBe(0)
  expect(await readFile(`${folder.consoleLog}.1`, 'utf8')).toBe(text)
})

test('a complaint is the last lines of the log', async () => {
  await makeVmFolder(folder, JSON.parse('{}'), false)
  expect(await complaintOf(folder)).toBe('QEMU said nothing')
  await writeFile(folder.log, 'one\ntwo\nthree\n')
  expect(await complaintOf(folder)).toBe('one; two; three')
})
