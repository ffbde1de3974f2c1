import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installHotplugScripts } from './hotplug-scripts.ts'

let folder: string

/** A program that only tells how it was called. */
function stub(path: string, output: string): void {
  writeFileSync(path, `#!/bin/sh\n${output}\n`)
  chmodSync(path, 0o755)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xen-'))
  mkdirSync(join(folder, 'etc/scripts'), { recursive: true })
  mkdirSync(join(folder, 'bin'))
  stub(join(folder, 'etc/scripts/block'), 'echo own block "$@"')
  stub(join(folder, 'etc/scripts/vif-bridge'), 'echo own vif "$@"')
  stub(join(folder, 'bin/xenstore-write'), 'echo write "$@"')
})

afterEach(() => rmSync(folder, { recursive: true }))

const install = () => installHotplugScripts(join(folder, 'ours'), join(folder, 'etc'))

/** Runs one of ours as libxl would, for a domain of that name with that value in xenstore. */
function run(script: string | null, type: string, command: string, name: string, value: string) {
  stub(join(folder, 'bin/xenstore-read'), `echo "${name}"; echo "${value}"`)
  const path = `${join(folder, 'bin')}:${process.env.PATH}`
  const env = { PATH: path, XENBUS_PATH: `backend/${type}/7/51712`, vif: 'vif7.0' }
  return execFileSync(script ?? '', [command], { env, encoding: 'utf8' }).trim()
}

test('what is no plain device of a domain on its way in is left to Xen', async () => {
  const { block, vif } = await install()
  expect(run(block, 'vbd', 'add', 'web', '/dev/null')).toBe('own block add')
  expect(run(block, 'vbd', 'add', 'web--incoming', '/nowhere')).toBe('own block add')
  expect(run(block, 'vbd', 'remove', 'web--incoming', '/dev/null')).toBe('own block remove')
  expect(run(vif, 'vif', 'online', 'web', 'xenbr0')).toBe('own vif online')
  expect(run(vif, 'vif', 'online', 'web--incoming', 'no-bridge')).toBe('own vif online')
  expect(run(vif, 'vif', 'offline', 'web', 'xenbr0')).toBe('own vif offline')
})

test('a host without bridges keeps its script for interfaces', async () => {
  writeFileSync(join(folder, 'etc/xl.conf'), '# text\nvif.default.script="vif-openvswitch"\n')
  expect(await install()).toEqual({ block: join(folder, 'ours/block'), vif: null })
  writeFileSync(join(folder, 'etc/xl.conf'), '#vif.default.script="vif-openvswitch"\n')
  expect((await install()).vif).toBe(join(folder, 'ours/vif'))
})

test("without Xen's scripts there are none of ours", async () => {
  rmSync(join(folder, 'etc/scripts'), { recursive: true })
  expect(await install()).toEqual({ block: null, vif: null })
})
