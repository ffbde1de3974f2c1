import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CrosspoolError } from '../../model/errors.ts'
import { linearTable, mirrorTable } from '../../ports/block-mapper.ts'
import type { CommandResult, CommandRunner } from '../../ports/command-runner.ts'
import { createDeviceNames, type DeviceNames } from './device-names.ts'
import { createDmBlockMapper } from './index.ts'
import { parseMirrorStatus, parseNames } from './parse-info.ts'
import { parseTable } from './parse-table.ts'
import { installUdevRule, udevRule } from './udev-rule.ts'

const captured = (name: string) =>
  readFileSync(new URL(`../../../test/captured/dmsetup-1.02.185/${name}`, import.meta.url), 'utf8')
const done: CommandResult = { exitCode: 0, stdout: '', stderr: '' }
const failedWith = (name: string): CommandResult => ({
  ...done,
  exitCode: 1,
  stderr: captured(name),
})

/** dmsetup as it was captured: answers by the words of the command, and what was asked. */
function scripted(answers: Readonly<Record<string, CommandResult>>) {
  const asked: string[] = []
  const probe: CommandRunner['probe'] = async (command, args, options = {}) => {
    const words = [command, ...args].join(' ')
    asked.push(options.input === undefined ? words : `${words} < ${options.input.trim()}`)
    const answer = Object.entries(answers).find(([start]) => words.startsWith(start))
    return answer?.[1] ?? done
  }
  const commandRunner: CommandRunner = {
    probe,
    async run(command, args, options) {
      const result = await probe(command, args, options)
      if (result.exitCode === 0) return result
      const details = { command, how: 'exit code 1', output: result.stderr }
      throw new CrosspoolError('COMMAND_FAILED', details)
    },
    start() {
      throw new Error('not used')
    },
  }
  return { asked, commandRunner }
}

const deviceNames: DeviceNames = {
  numberOf: async (path) => (/^\/dev\/(vg0\/lv|mapper\/vg0-lv)$/.test(path) ? '253:0' : null),
  pathOf: async (number) => (number === '253:0' ? '/dev/mapper/vg0-lv' : number),
  mappedNameOf: async (number) => (number === '253:0' ? 'vg0-lv' : null),
}

function createMapper(answers: Readonly<Record<string, CommandResult>> = {}) {
  const { asked, commandRunner } = scripted(answers)
  return { asked, mapper: createDmBlockMapper(commandRunner, deviceNames, async () => {}) }
}

const missing = {
  'dmsetup info': failedWith('info-missing.stderr.txt'),
  'dmsetup table': failedWith('table-missing.stderr.txt'),
}
const present = {
  'dmsetup info': { ...done, stdout: captured('info-active.txt') },
  'dmsetup table': { ...done, stdout: captured('table-linear.txt') },
}
const table = linearTable('/dev/vg0/lv', 131072 * 512)

describe('dmsetup', () => {
  it('makes a device that LVM passes over', async () => {
    const { mapper, asked } = createMapper(missing)
    await mapper.create('crosspool-x', table)
    expect(asked.at(-1)).toBe(
      'dmsetup create --uuid CRYPT-SUBDEV-crosspool-x crosspool-x < 0 131072 linear /dev/vg0/lv 0',
    )
  })

  it('knows the same table by another name of its device', async () => {
    const { mapper, asked } = createMapper(present)
    await mapper.create('crosspool-x', table)
    expect(asked.filter((words) => /create|load|resume/.test(words))).toEqual([])
    const other = mapper.create('crosspool-x', linearTable('/dev/vg0/other', 131072 * 512))
    await expect(other).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  it('finishes a device that was left without a table', async () => {
    const { mapper, asked } = createMapper({ ...present, 'dmsetup table': done })
    await mapper.create('crosspool-x', table)
    expect(asked.slice(-2)).toEqual([
      'dmsetup load crosspool-x < 0 131072 linear /dev/vg0/lv 0',
      'dmsetup resume --nolockfs --noudevsync crosspool-x',
    ])
  })

  it('shows a device with readable paths, and null where there is none', async () => {
    expect(await createMapper(present).mapper.inspect('x')).toEqual({
      ...{ name: 'x', isSuspended: false, openCount: 0 },
      table: linearTable('/dev/mapper/vg0-lv', 131072 * 512),
    })
    expect(await createMapper(missing).mapper.inspect('x')).toBeNull()
  })

  it('suspends and resumes any number of devices with one process', async () => {
    const { mapper, asked } = createMapper()
    await mapper.suspend(['a', 'b'])
    await mapper.resume(['a', 'b'])
    await mapper.suspend([])
    await mapper.resume([])
    expect(asked).toEqual([
      'dmsetup suspend --nolockfs --noflush a b',
      'dmsetup resume --nolockfs --noudevsync a b',
    ])
  })

  it('takes what is not there for removed, and what is open for busy', async () => {
    const gone = { 'dmsetup remove': failedWith('remove-missing.stderr.txt') }
    await createMapper(gone).mapper.remove('x')
    const open = { 'dmsetup remove': failedWith('create-exists.stderr.txt') }
    await expect(createMapper(open).mapper.remove('x')).rejects.toMatchObject({ code: 'BUSY' })
    const broken = { 'dmsetup remove': { ...done, exitCode: 1, stderr: 'Permission denied' } }
    await expect(createMapper(broken).mapper.remove('x')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    })
  })

  it('flushes the cache of a disk, and of no other', async () => {
    const { asked, mapper } = createMapper()
    await mapper.flush('/dev/vg0/lv')
    expect(asked).toEqual(['sync /dev/vg0/lv'])
  })

  it('lists by the beginning of the name', async () => {
    expect(parseNames('crosspool-a\nvg0-lv\n')).toEqual(['crosspool-a', 'vg0-lv'])
    expect(parseNames('No devices found\n')).toEqual([])
    const names = { 'dmsetup info': { ...done, stdout: 'crosspool-a\nvg0-lv\n' } }
    expect(await createMapper(names).mapper.list('crosspool-')).toEqual(['crosspool-a'])
  })
})

describe('tables', () => {
  it('of several parts are read', () => {
    expect(parseTable('0 8 linear 8:1 2048\n8 8 error \n16 8 zero \n')).toEqual([
      { target: 'linear', startSector: 0, sectors: 8, device: '8:1', offsetSectors: 2048 },
      { target: 'error', startSector: 8, sectors: 8 },
      { target: 'zero', startSector: 16, sectors: 8 },
    ])
  })

  it('with a mirror of ours are written and read, and one of another kind is refused', async () => {
    const { mapper, asked } = createMapper()
    await mapper.load('x', mirrorTable('/dev/vg0/lv', '/dev/vg0/copy', 4096 * 512))
    const line = '0 4096 mirror core 1 1024 2 /dev/vg0/lv 0 /dev/vg0/copy 0 1 handle_errors'
    expect(asked).toEqual([`dmsetup load x < ${line}`])
    expect(parseTable(captured('table-mirror.txt'))).toEqual([
      { target: 'mirror', startSector: 0, sectors: 8192, device: '7:0', copy: '7:1' },
    ])
    expect(() => parseTable('0 8 mirror core 1 8 3 7:0 0 7:1 0 7:2 0')).toThrow(
      expect.objectContaining({ code: 'NOT_SUPPORTED' }),
    )
  })

  it('with a mirror tell how far it is, and whether a device has failed', async () => {
    const state = { copiedFraction: 1, isHealthy: true }
    expect(parseMirrorStatus(captured('status-mirror.txt'))).toEqual(state)
    expect(parseMirrorStatus(captured('status-mirror-failed.txt'))?.isHealthy).toBe(false)
    expect(parseMirrorStatus('0 8192 linear ')).toBeNull()
    const linear = createMapper({ 'dmsetup status': { ...done, stdout: '0 8192 linear \n' } })
    await expect(linear.mapper.mirrorState('x')).rejects.toMatchObject({ code: 'WRONG_STATE' })
  })

  it.each(['0 8 thin 253:4 1', '0 8 snapshot-origin 253:1', 'rubbish'])('%s is refused', (line) => {
    expect(() => parseTable(line)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }))
  })
})

describe('names of devices', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'crosspool-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('come from sysfs', async () => {
    await mkdir(join(directory, 'dev/block/253:3/dm'), { recursive: true })
    await writeFile(join(directory, 'dev/block/253:3/dm/name'), 'vg0-lv\n')
    await mkdir(join(directory, 'block/cciss!c0d0'), { recursive: true })
    await symlink(join(directory, 'block/cciss!c0d0'), join(directory, 'dev/block/104:0'))
    const names = createDeviceNames(directory)
    expect(await names.pathOf('253:3')).toBe('/dev/mapper/vg0-lv')
    expect(await names.pathOf('104:0')).toBe('/dev/cciss/c0d0')
    expect(await names.pathOf('9:9')).toBe('9:9')
    expect(await names.mappedNameOf('104:0')).toBeNull()
    expect(await names.numberOf('253:3')).toBe('253:3')
    expect(await names.numberOf(directory)).toBeNull()
    expect(await names.numberOf(join(directory, 'none'))).toBeNull()
  })

  it('are shown to udev by a rule that is written when it is needed', async () => {
    const { asked, commandRunner } = scripted({})
    await installUdevRule(commandRunner, directory)
    expect(readFileSync(join(directory, '12-crosspool-mapper.rules'), 'utf8')).toBe(udevRule)
    expect(asked).toEqual(['udevadm control --reload'])
  })
})
