import { expect, it } from 'vitest'
import { systemClock } from '../system/clock.ts'
import { createSourceVoice } from './source-voice.ts'
import type { SourceWord } from './witness.ts'

it('says what has last become so, one word after the other, each with a later beat', async () => {
  const said: SourceWord[] = []
  const uplink = { say: async (word: SourceWord) => void said.push(word) }
  const voice = createSourceVoice(systemClock, 'source')
  const about = () => ({ session: 1, state: 'synced' as const, outOfSyncBytes: 0, sentBytes: 0 })
  const first = voice.say(uplink, about, false)
  const second = voice.say(uplink, about, true)
  await first
  voice.become('released')
  await second
  voice.become('source')
  await voice.say(uplink, about, false)
  expect(said.map(({ role }) => role)).toEqual(['source', 'released', 'source'])
  const beats = said.map(({ beat }) => beat)
  expect(beats).toEqual([...new Set(beats)].sort((one, other) => one - other))
})
