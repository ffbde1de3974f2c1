import { expect, it } from 'vitest'
import { captured, scriptedCommands } from '../../../test/support/scripted-commands.ts'
import { LoopDevices } from './loop-devices.ts'

const tool = 'losetup-2.38.1'
const list = (file: string) => ({ call: 'losetup --json --list', stdout: captured(tool, file) })
const eightMiB = 8 * 1024 * 1024
const refusal = { exitCode: 1, stderr: captured(tool, 'losetup-nodio.err') }

it('finds the loop device that it made before', async () => {
  const commands = scriptedCommands([list('losetup.json')])
  const device = await new LoopDevices(commands).attach('/tmp/smcap/a.raw', eightMiB, true)
  expect(device).toBe('/dev/loop0')
})

it("leaves a loop device of the administrator's over the same file alone", async () => {
  const commands = scriptedCommands([
    list('losetup.json'),
    { call: 'losetup --find --show --sizelimit 8388608 --direct-io=on', stdout: '/dev/loop2\n' },
    list('losetup.json'),
  ])
  const loops = new LoopDevices(commands)
  expect(await loops.attach('/tmp/smcap/b.img', eightMiB, true)).toBe('/dev/loop2')
  await loops.detach('/tmp/smcap/b.img', eightMiB)
  expect(commands.calls.filter((call) => call.includes('--detach'))).toEqual([])
})

it('uses the page cache only where that is safe', async () => {
  const direct = { call: 'losetup --find --show --sizelimit 512 --direct-io=on', ...refusal }
  const cached = { call: 'losetup --find --show --sizelimit 512 --direct-io=off' }
  const none = list('losetup-none.json')
  const own = scriptedCommands([none, direct, { ...cached, stdout: '/dev/loop0\n' }])
  expect(await new LoopDevices(own).attach('/mnt/x', 512, false)).toBe('/dev/loop0')
  const shared = scriptedCommands([none, direct])
  await expect(new LoopDevices(shared).attach('/mnt/x', 512, true)).rejects.toThrow(
    'Invalid argument',
  )
})

it('reads which devices are about to go away', async () => {
  const commands = scriptedCommands([list('losetup-leaving.json')])
  const devices = await new LoopDevices(commands).list()
  expect(devices.map(({ path, isLeaving }) => [path, isLeaving])).toEqual([
    ['/dev/loop1', true],
    ['/dev/loop0', false],
  ])
})
