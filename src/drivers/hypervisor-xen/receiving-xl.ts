import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import { createIdleWatch } from '../../ports/deadlines.ts'
import { type ByteSource, createByteSource, pump, write } from './byte-source.ts'
import { bannerText, goText, readyText, reportText } from './migration-texts.ts'
import { fixedHeaderBytes, optionalBytesOf, writeSaveHeader } from './save-header.ts'
import type { XenContext } from './xen-context.ts'
import type { XlChild } from './xl-child.ts'

/** An `xl migrate-receive` at work. */
export interface ReceivingXl {
  readonly xl: XlChild
  readonly fromXl: ByteSource
  readonly domidsBefore: readonly number[]
  /** Says "go", once; answers the status that xl reports, or null when it ended without a report. */
  go(): Promise<number | null>
}

export function receivingXl(xl: XlChild, domidsBefore: readonly number[]): ReceivingXl {
  const fromXl = createByteSource(xl.stdout)
  let report: Promise<number | null> | null = null
  return {
    xl,
    fromXl,
    domidsBefore,
    go() {
      report ??= sayGo(xl, fromXl)
      return report
    },
  }
}

/**
 * Joins xl to the sender until it is ready: the memory is here, the domain does not run. `signal`
 * ends it. @throws MEMORY_STREAM_FAILED
 */
export async function receiveMemory(
  context: XenContext,
  configuration: string,
  stream: Duplex,
  { xl, fromXl }: ReceivingXl,
  signal: AbortSignal,
): Promise<void> {
  const { clock, limits } = context
  const idle = createIdleWatch(clock, limits.idleMs)
  const fromSender = createByteSource(stream)
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    xl.ended.then(() => reject(broken('xl migrate-receive ended')))
  })
  interrupted.catch(() => {})

  async function receive(): Promise<void> {
    await expectText(fromXl, bannerText, 'its banner')
    idle.touch()
    await write(stream, bannerText)
    await replaceHeader(fromSender, xl, configuration)
    const moving = pump(fromSender, xl.stdin, idle.touch)
    const ended = moving.then(() => Promise.reject(broken('the source closed it')))
    ended.catch(() => {})
    await Promise.race([expectText(fromXl, readyText, 'that it is ready'), ended])
    await write(stream, readyText)
  }

  try {
    await Promise.race([receive(), interrupted, idle.lapsed])
  } finally {
    idle.stop()
  }
}

/** What the sender says that the VM is made of is thrown away unread; xl gets our own words. */
async function replaceHeader(
  fromSender: ByteSource,
  xl: XlChild,
  configuration: string,
): Promise<void> {
  const fixed = await readHead(fromSender, fixedHeaderBytes)
  await readHead(fromSender, optionalBytesOf(fixed))
  await write(xl.stdin, writeSaveHeader(configuration))
}

async function readHead(fromSender: ByteSource, lengthBytes: number): Promise<Buffer> {
  const bytes = await fromSender.read(lengthBytes)
  if (bytes === null) throw broken('the source closed it before the memory')
  return bytes
}

async function sayGo(xl: XlChild, fromXl: ByteSource): Promise<number | null> {
  try {
    await write(xl.stdin, goText)
  } catch {
    return null
  }
  const report = await fromXl.read(reportText.length)
  if (report === null || !report.equals(reportText)) return null
  return (await fromXl.read(1))?.at(0) ?? null
}

async function expectText(source: ByteSource, expected: Buffer, what: string): Promise<void> {
  const text = await source.read(expected.length)
  if (text === null) throw broken(`xl ended before it said ${what}`)
  if (!text.equals(expected)) throw broken(`xl did not say ${what}`)
}

function broken(reason: string): CrosspoolError {
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason })
}
