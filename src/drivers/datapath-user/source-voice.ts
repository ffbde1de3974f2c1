import { createKeyedLock } from '../../lib/keyed-lock.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Uplink } from './uplink.ts'
import type { SourceWord } from './witness.ts'

/** What the source says to the target. */
export interface SourceVoice {
  /** From now on every word says so, over whatever connection, from the next one on. */
  become(role: SourceWord['role']): void
  /** `flush`: what decides who writes has to be on the target's disk. */
  say(uplink: Pick<Uplink, 'say'>, about: () => About, flush: boolean): Promise<void>
}
type About = Omit<SourceWord, 'role' | 'beat'>

export function createSourceVoice(clock: Clock, first: SourceWord['role']): SourceVoice {
  // Words are written one after the other, since two writes to one sector may overtake each other.
  const turn = createKeyedLock()
  let role = first
  let beat = 0
  return {
    become(next) {
      role = next
    },
    async say(uplink, about, flush) {
      await turn.run(['word'], async () => {
        beat = Math.max(beat + 1, clock.now())
        await uplink.say({ role, beat, ...about() }, flush)
      })
    },
  }
}
