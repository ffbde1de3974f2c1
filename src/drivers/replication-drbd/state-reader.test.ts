import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { CommandRunner, RunningCommand } from '../../ports/command-runner.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import { startStateReader } from './state-reader.ts'

/** A program whose output the test writes. */
function createScriptedProgram() {
  const started: { readonly stdout: PassThrough; end(): void }[] = []
  const start = (): RunningCommand => {
    const stdout = new PassThrough()
    let end = () => {}
    const ended = new Promise<number | null>((resolve) => {
      end = () => {
        stdout.end()
        resolve(0)
      }
    })
    started.push({ stdout, end })
    return { stdin: new PassThrough(), stdout, stderr: new PassThrough(), ended, kill: () => end() }
  }
  const never = () => Promise.reject(new Error('not used'))
  const commandRunner: CommandRunner = { run: never, probe: never, start }
  return { started, commandRunner }
}

const captured = new URL('../../../test/captured/drbd-8.4.11/', import.meta.url)

function startReader() {
  const program = createScriptedProgram()
  const clock = createSimulatedClock()
  const { commandRunner, started } = program
  const command = ['drbdsetup', 'events2'] as const
  const reader = startStateReader({ commandRunner, clock, command })
  return { reader, clock, started }
}

/** Resolves when the condition holds after some change. */
async function untilChange(
  reader: ReturnType<typeof startReader>['reader'],
  holds: () => boolean,
): Promise<void> {
  if (holds()) return
  await new Promise<void>((resolve) => {
    const stop = reader.onChange(() => {
      if (!holds()) return
      stop()
      resolve()
    })
  })
}

describe('the state reader', () => {
  it('tells of every change of a captured life of a resource', async () => {
    const { reader, started } = startReader()
    const seen: string[] = []
    reader.onChange(() => {
      const state = reader.states().get('dp-test')
      const told = state
        ? `${state.connection} ${state.role}/${state.peerRole} ${state.disk}/${state.peerDisk} ${state.replication}`
        : 'gone'
      if (told !== seen.at(-1)) seen.push(told)
    })
    started[0]?.stdout.write(await readFile(new URL('events2-source.txt', captured)))
    await reader.ready
    await untilChange(reader, () => seen.filter((each) => each === 'gone').length === 2)
    expect(seen.slice(0, 20)).toMatchSnapshot()
    await reader.close()
  })

  it('keeps what it knows until a new program has told everything', async () => {
    const { reader, clock, started } = startReader()
    started[0]?.stdout.write(
      [
        'exists resource name:one role:Primary suspended:no write-ordering:flush',
        'exists resource name:two role:Secondary suspended:no write-ordering:flush',
        'exists -',
        '',
      ].join('\n'),
    )
    await reader.ready
    started[0]?.end()
    await clock.advance(10_000)
    expect(started).toHaveLength(2)
    expect([...reader.states().keys()]).toEqual(['one', 'two'])
    started[1]?.stdout.write('exists resource name:two role:Primary suspended:no\nexists -\n')
    await untilChange(reader, () => !reader.states().has('one'))
    expect(reader.states().get('two')?.role).toBe('Primary')
    await reader.close()
  })
})
