import { connect, type Socket } from 'node:net'
import { createLineSplitter, parseQmpMessage, type QmpEvent } from './messages.ts'

/** A command that the other side has refused. */
export class QmpError extends Error {
  readonly command: string
  /** QEMU's own words. */
  readonly reason: string

  constructor(command: string, reason: string) {
    super(`${command}: ${reason}`)
    this.name = 'QmpError'
    this.command = command
    this.reason = reason
  }
}

/** The other side has gone, so nobody knows whether the command was carried out. */
export class QmpClosedError extends Error {
  constructor(what: string) {
    super(`${what}: the monitor is closed`)
    this.name = 'QmpClosedError'
  }
}

/** The monitor of one QEMU program. QEMU serves one client at a time; the next one waits. */
export interface Qmp {
  readonly version: string
  /** Resolves when the other side has gone, or `close` was called. */
  readonly closed: Promise<void>
  /** @throws QmpError, QmpClosedError */
  execute(command: string, fields?: Readonly<Record<string, unknown>>): Promise<unknown>
  /** Calls `listener` at every event, in order. Answers how to stop. */
  onEvent(listener: (event: QmpEvent) => void): () => void
  close(): void
}

interface Waiting {
  readonly command: string
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Connects to the monitor at a Unix socket and agrees on its capabilities. @throws what `connect` does, and QmpClosedError after `timeoutMs` without a greeting */
export async function connectQmp(path: string, timeoutMs: number): Promise<Qmp> {
  const socket = connect(path)
  const monitor = new Monitor(socket, path)
  const timer = setTimeout(() => socket.destroy(), timeoutMs)
  try {
    await monitor.greeted
    await monitor.execute('qmp_capabilities')
    return monitor
  } catch (error) {
    monitor.close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

class Monitor implements Qmp {
  version = ''
  readonly closed: Promise<void>
  readonly greeted: Promise<void>
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Set<(event: QmpEvent) => void>()
  #lastId = 0
  #isClosed = false

  constructor(socket: Socket, path: string) {
    this.#socket = socket
    let failure: Error = new QmpClosedError(path)
    socket.on('error', (error) => {
      failure = error
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true
        for (const { command, reject } of this.#waiting.values())
          reject(new QmpClosedError(command))
        this.#waiting.clear()
        resolve()
      })
    })
    this.greeted = new Promise((resolve, reject) => {
      const split = createLineSplitter((line) => this.#receive(line, resolve))
      socket.setEncoding('utf8').on('data', (text: string) => {
        try {
          split(text)
        } catch (error) {
          // Whoever answers in anything but its own protocol is not believed any more.
          if (!(error instanceof SyntaxError)) throw error
          socket.destroy(error)
        }
      })
      socket.once('close', () => reject(failure))
    })
    this.greeted.catch(() => {})
  }

  async execute(command: string, fields: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#isClosed) throw new QmpClosedError(command)
    this.#lastId += 1
    const id = this.#lastId
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject })
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: fields, id })}\n`)
    })
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(line: string, greet: () => void): void {
    const message = parseQmpMessage(line)
    if (message === null) return
    if (message.kind === 'greeting') {
      this.version = message.version
      greet()
    } else if (message.kind === 'event') {
      for (const listener of [...this.#listeners]) listener(message.event)
    } else {
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.kind === 'return') waiting?.resolve(message.value)
      else waiting?.reject(new QmpError(waiting.command, message.reason))
    }
  }
}
