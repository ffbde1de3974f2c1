import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../support/wait-until.ts'
import { EthernetSwitch } from './switch.ts'
import { frameEnd } from './switch-port.ts'

/** What QEMU's end of a port does. */
class Station {
  readonly received: Buffer[] = []
  readonly mac: number
  #rest = Buffer.alloc(0)
  readonly #socket: Socket

  constructor(socketPath: string, mac: number) {
    this.mac = mac
    this.#socket = connect(socketPath)
    this.#socket.on('data', (chunk) => this.#receive(chunk))
  }

  send(to: number, text: string, from = this.mac): void {
    this.#socket.write(frame(to, from, text))
  }

  /** Ends of chunks fall anywhere. */
  sendInPieces(to: number, text: string): void {
    for (const byte of frame(to, this.mac, text)) this.#socket.write(Buffer.of(byte))
  }

  texts(): string[] {
    return this.received.map((each) => each.toString('utf8', 14))
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let end = frameEnd(this.#rest, 0); end > 0; end = frameEnd(this.#rest, 0)) {
      this.received.push(Buffer.from(this.#rest.subarray(4, end)))
      this.#rest = this.#rest.subarray(end)
    }
  }
}

function frame(to: number, from: number, text: string): Buffer {
  const body = Buffer.alloc(14 + Buffer.byteLength(text))
  body.writeUIntBE(to, 0, 6)
  body.writeUIntBE(from, 6, 6)
  body.write(text, 14)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

const everybody = 0xffffffffffff
let directory: string
let ethernet: EthernetSwitch
let one: Station
let two: Station
let three: Station
let broadcasts: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switch-'))
  broadcasts = []
  ethernet = new EthernetSwitch((each, port) =>
    broadcasts.push(`${port}: ${each.toString('utf8', 14)}`),
  )
  const stations = await Promise.all(
    ['one', 'two', 'three'].map(async (name, index) => {
      await ethernet.addPort(name, join(directory, name))
      return new Station(join(directory, name), 0x525400000001 + index)
    }),
  )
  ;[one, two, three] = stations as [Station, Station, Station]
  await waitUntil(() => ethernet.ports().every(({ isConnected }) => isConnected), {
    description: 'all ports to be connected',
    timeoutMs: 2000,
    intervalMs: 2,
  })
})

afterEach(async () => {
  for (const station of [one, two, three]) station.close()
  ethernet.close()
  await rm(directory, { recursive: true })
})

async function heard(station: Station, count: number): Promise<string[]> {
  await waitUntil(() => station.received.length >= count, {
    description: `${count} frames`,
    timeoutMs: 2000,
    intervalMs: 2,
  })
  return station.texts()
}

/** So that the switch knows where everybody is. */
async function introduce(): Promise<void> {
  for (const station of [one, two, three]) station.send(everybody, 'hello')
  for (const station of [one, two, three]) {
    await heard(station, 2)
    station.received.length = 0
  }
}

test('unknown and broadcast addresses reach everybody, known ones only their port', async () => {
  one.send(two.mac, 'where are you')
  expect(await heard(two, 1)).toEqual(['where are you'])
  expect(await heard(three, 1)).toEqual(['where are you'])
  two.send(one.mac, 'here')
  expect(await heard(one, 1)).toEqual(['here'])
  two.send(everybody, 'all')
  expect(await heard(three, 2)).toEqual(['where are you', 'all'])
  expect(broadcasts).toEqual(['two: all'])
})

test('frames arrive whole and in order however they were cut', async () => {
  await introduce()
  one.sendInPieces(two.mac, 'slowly')
  for (let index = 0; index < 100; index += 1) one.send(index % 2 ? two.mac : three.mac, `${index}`)
  const odd = Array.from({ length: 50 }, (_, index) => `${index * 2 + 1}`)
  expect(await heard(two, 51)).toEqual(['slowly', ...odd])
  await heard(three, 50)
})

test('an address that moves is learned anew', async () => {
  await introduce()
  const guest = 0x00163e000001
  one.send(everybody, 'from one', guest)
  await heard(two, 1)
  two.send(everybody, 'from two', guest)
  await heard(one, 1)
  three.send(guest, 'to the guest')
  expect(await heard(two, 2)).toEqual(['from one', 'to the guest'])
  expect(one.texts()).toEqual(['from two'])
})

test('a link that is cut passes nothing, and everything once it is healed', async () => {
  await introduce()
  ethernet.shape({ host: 'two' }, 'both', { isCut: true })
  one.send(two.mac, 'lost')
  two.send(everybody, 'lost too')
  one.send(three.mac, 'fine')
  expect(await heard(three, 1)).toEqual(['fine'])
  ethernet.heal({ host: 'two' })
  one.send(two.mac, 'back')
  expect(await heard(two, 1)).toEqual(['back'])
  expect(broadcasts).not.toContain('two: lost too')
})

test('a half-open path lets frames through one way only', async () => {
  await introduce()
  ethernet.shape({ between: ['one', 'two'] }, 'out', { isCut: true })
  one.send(two.mac, 'lost')
  two.send(one.mac, 'heard')
  three.send(two.mac, 'heard as well')
  expect(await heard(one, 1)).toEqual(['heard'])
  expect(await heard(two, 1)).toEqual(['heard as well'])
})

test('a delayed path keeps the order, also while it is healed', async () => {
  await introduce()
  ethernet.shape({ between: ['one', 'two'] }, 'both', { delayMs: 60 })
  const beginMs = performance.now()
  one.send(two.mac, 'first')
  await heard(two, 1)
  expect(performance.now() - beginMs).toBeGreaterThan(55)
  one.send(two.mac, 'second')
  one.send(three.mac, 'not delayed')
  await heard(three, 1)
  ethernet.heal()
  one.send(two.mac, 'third')
  expect(await heard(two, 3)).toEqual(['first', 'second', 'third'])
})

test('a host that connects again takes the place of its old connection', async () => {
  await introduce()
  one.close()
  one = new Station(join(directory, 'one'), one.mac)
  one.send(two.mac, 'again')
  expect(await heard(two, 1)).toEqual(['again'])
  two.send(one.mac, 'welcome')
  expect(await heard(one, 1)).toEqual(['welcome'])
})
