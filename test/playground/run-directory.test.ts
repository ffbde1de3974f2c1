import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { spawnLogged } from '../lab/support/spawn-logged.ts'
import { makeRunDirectory, processesOf, removeRunDirectory } from './run-directory.ts'

let parent = ''

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'crosspool-run-'))
  vi.stubEnv('TMPDIR', parent)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(parent, { recursive: true })
})

it('ends and removes what a killed playground has left, and nothing else', async () => {
  const [dead, alive] = [await makeRunDirectory(() => {}), await makeRunDirectory(() => {})]
  await writeFile(join(dead, 'owner.json'), JSON.stringify({ pid: 1, startTicks: -1 }))
  for (const directory of [dead, alive]) startIn(directory)
  const told: string[] = []
  const mine = await makeRunDirectory((line) => told.push(line))
  expect(told).toEqual([`removing what an earlier playground has left in ${dead}`])
  expect(existsSync(dead)).toBe(false)
  expect(await processesOf(dead)).toEqual([])

  expect(await processesOf(alive)).toHaveLength(1)
  expect(await removeRunDirectory(alive)).toHaveLength(1)
  expect(await removeRunDirectory(mine)).toEqual([])
})

it('belongs to this process', async () => {
  const directory = await makeRunDirectory(() => {})
  expect(JSON.parse(await readFile(join(directory, 'owner.json'), 'utf8')).pid).toBe(process.pid)
})

function startIn(directory: string): void {
  const wait = [process.execPath, '-e', 'setInterval(() => {}, 1000)', `${directory}/x`] as const
  spawnLogged([...wait], join(parent, 'log'), { isDetached: true })
}
