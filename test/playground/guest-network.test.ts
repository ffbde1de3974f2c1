import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Observer } from '../lab/network/observer.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { GuestNetwork } from './guest-network.ts'

let folder = ''
let observer: Observer
let network: GuestNetwork

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crosspool-network-'))
  observer = new Observer()
  network = await GuestNetwork.open('alpha1', join(folder, 'switch'), observer)
})

afterEach(async () => {
  network.close()
  await rm(folder, { recursive: true })
})

it('hears the reports of several guests, in whatever pieces they arrive', async () => {
  const [first, second] = [await plugIn(), await plugIn()]
  const frames = Buffer.concat([report('one', 1), report('one', 2)])
  for (const byte of frames) first.write(Buffer.of(byte))
  second.write(Buffer.concat([report('two', 1), report('two', 2), report('two', 3)]))
  const heard = await waitUntil(
    () => observer.observations('one', 0).length + observer.observations('two', 0).length === 5,
    { description: 'five reports', timeoutMs: 5_000, intervalMs: 5 },
  )
  expect(heard).toBe(true)
  expect(observer.observations('one', 0).map(({ host, report: { tick } }) => [host, tick])).toEqual(
    [
      ['alpha1', 1],
      ['alpha1', 2],
    ],
  )
})

it('hangs up on what cannot be frames', async () => {
  const socket = await plugIn()
  socket.resume().write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await once(socket, 'close')
})

async function plugIn() {
  const socket = connect(join(folder, 'switch'))
  await once(socket, 'connect')
  return socket
}

/** A UDP broadcast as QEMU would send it: length, Ethernet, IPv4, UDP. */
function report(guest: string, tick: number): Buffer {
  const said = { guest, boot: 'b', tick, nowNs: 1, kernelErrors: 0, disks: [] }
  const text = Buffer.from(JSON.stringify(said))
  const frame = Buffer.alloc(42 + text.length)
  frame.fill(0xff, 0, 6)
  frame.writeUInt16BE(0x0800, 12)
  frame.writeUInt8(0x45, 14)
  frame.writeUInt8(17, 23)
  frame.writeUInt16BE(7777, 36)
  frame.writeUInt16BE(8 + text.length, 38)
  text.copy(frame, 42)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  return Buffer.concat([length, frame])
}
