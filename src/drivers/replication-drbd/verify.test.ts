import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import { parseEvent } from './parse-events.ts'
import { applyEvent, type ResourceStates } from './resource-states.ts'
import type { StateReader } from './state-reader.ts'
import { verify } from './verify.ts'

const captured = new URL('../../../test/captured/drbd-8.4.11/events2-verify.txt', import.meta.url)
const lines = (await readFile(captured, 'utf8')).trim().split('\n')
const name = 'crosspool-dp8c5a-3-source'
const startsAt = lines.findLastIndex((line) => line.includes('replication:VerifyS'))

/** A reader of the captured lines, as far as the test has come with them. */
function createReader() {
  const listeners = createOrderedListeners<null>()
  let states: ResourceStates = new Map()
  const reader: Pick<StateReader, 'states' | 'onChange'> = {
    states: () => states,
    onChange: (listener) => listeners.add(listener),
  }
  const tell = (some: readonly string[]) => {
    for (const line of some) {
      const event = parseEvent(line)
      if (event !== null) states = applyEvent(states, event)
      listeners.emit(null)
    }
  }
  tell(lines.slice(0, startsAt))
  return { reader, tell }
}

const never = new AbortController().signal

describe('a comparison of both sides', () => {
  it('ends with what differs, as the kernel has told', async () => {
    const { reader, tell } = createReader()
    const found = verify(reader, name, async () => tell(lines.slice(startsAt)), never)
    expect(await found).toEqual({ algorithm: 'sha256', differentBytes: 4096 })
  })

  it('is joined when it is under way, and not begun twice', async () => {
    const { reader, tell } = createReader()
    tell(lines.slice(startsAt, startsAt + 1))
    const found = verify(reader, name, () => Promise.reject(new Error('begun twice')), never)
    tell(lines.slice(startsAt + 1))
    expect((await found).differentBytes).toBe(4096)
  })

  it('is lost with the link, and not waited for when it is aborted', async () => {
    const { reader, tell } = createReader()
    const lost = verify(reader, name, async () => {}, never)
    tell([`change connection name:${name} peer-node-id:1 conn-name:peer connection:NetworkFailure`])
    await expect(lost).rejects.toMatchObject({ code: 'REPLICATION_LOST' })
    const stop = new AbortController()
    const stopped = verify(createReader().reader, name, async () => {}, stop.signal)
    stop.abort(new Error('cancelled'))
    await expect(stopped).rejects.toThrow('cancelled')
  })
})
