import { describe, expect, it } from 'vitest'
import { createMemoryRecordStore } from '../../drivers/simulated/record-store.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Operation } from '../../model/operation.ts'
import { silentLog } from '../../ports/log.ts'
import { OperationRunner } from './operation-runner.ts'
import type { OperationKind, Step, StepContext } from './step.ts'

type Memo = { made: string[] }
type Live = Record<string, never>
type Context = StepContext<Memo, Live>

/** Steps that make a thing each and unmake it: what is left in `world` shows what was not taken back. */
function building(
  names: readonly string[],
  over: Partial<Record<string, Partial<Step<Context>>>> = {},
) {
  const world = new Set<string>()
  const calls: string[] = []
  const steps = names.map(
    (name): Step<Context> => ({
      name,
      weight: 1,
      async run() {
        calls.push(name)
        world.add(name)
      },
      async undo() {
        calls.push(`-${name}`)
        world.delete(name)
      },
      ...over[name],
    }),
  )
  const kind: OperationKind<Memo, Live> = {
    kind: 'build',
    steps,
    createLive: () => ({}),
    details: () => ({}),
  }
  return { kind, world, calls }
}

function runnerFor(kind: OperationKind<Memo, Live>, store = createMemoryRecordStore()) {
  const runner = new OperationRunner({ store, clock: systemClock, log: silentLog, retryMs: 1 })
  runner.register(kind)
  return runner
}

async function runToEnd(runner: OperationRunner, id = 'one'): Promise<Operation> {
  await runner.start('build', id, 'vm', { made: [] })
  return runner.wait(id)
}

const states = (operation: Operation) => operation.steps.map(({ state }) => state)
const names = ['foundation', 'walls', 'roof']
const refused = () => Promise.reject(new CrosspoolError('HANDOVER_REFUSED', { reason: 'asked to' }))

describe('OperationRunner', () => {
  it.each([
    ['an abort is why a step fails', new CrosspoolError('HEARTBEAT_LOST', { elapsedMs: 1 })],
    ['a peer gives up after a step has failed, and that is why', null],
  ])('%s', async (_, lost) => {
    const reason = new CrosspoolError('PEER_FAILED', { code: 'ABORTED', message: 'no more' })
    const broken = new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'it broke' })
    const { kind } = building(names, {
      walls: {
        async run({ abort }) {
          abort(lost ?? reason)
          throw broken
        },
      },
    })
    const { error } = await runToEnd(runnerFor(kind))
    expect(error?.code).toBe((lost ?? broken).code)
  })

  it('runs the steps from top to bottom', async () => {
    const { kind, calls } = building(names)
    const operation = await runToEnd(runnerFor(kind))
    expect(operation).toMatchObject({ state: 'succeeded', progress: 1, error: null })
    expect(calls).toEqual(names)
    expect(states(operation)).toEqual(['done', 'done', 'done'])
  })

  it.each(names)(
    'takes everything back when %s fails, its own half-done work too',
    async (failing) => {
      const { kind, world } = building(names, { [failing]: { run: refused } })
      world.add(failing)
      const operation = await runToEnd(runnerFor(kind))
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'HANDOVER_REFUSED' } })
      expect([...world]).toEqual([])
    },
  )

  it('repeats an undo until it succeeds', async () => {
    let tries = 0
    const undo = async () => {
      tries += 1
      if (tries < 3) throw new CrosspoolError('INTERNAL', { reference: 'x' })
    }
    const { kind } = building(names, { foundation: { undo }, walls: { run: refused } })
    expect((await runToEnd(runnerFor(kind))).state).toBe('failed')
    expect(tries).toBe(3)
  })

  it('beyond the point of no return repeats a step, until it is refused', async () => {
    let tries = 0
    const run = async () => {
      tries += 1
      if (tries < 3) throw new CrosspoolError('PEER_UNREACHABLE', { url: 'x', reason: 'y' })
      if (tries === 3) await refused()
    }
    const { kind, world } = building(names, { roof: { run, forwards: 'until-refused' } })
    const operation = await runToEnd(runnerFor(kind))
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'HANDOVER_REFUSED' } })
    expect(tries).toBe(3)
    expect([...world]).toEqual([])
  })

  it('once settled repeats a step whatever it throws', async () => {
    let tries = 0
    const run = async () => {
      tries += 1
      if (tries < 3) await refused()
    }
    const { kind } = building(names, { roof: { run, forwards: 'always' } })
    expect((await runToEnd(runnerFor(kind))).state).toBe('succeeded')
  })

  it('cancels what waits, and takes everything back', async () => {
    const run = ({ signal }: Context) =>
      new Promise<void>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    const { kind, world } = building(names, { walls: { run } })
    const runner = runnerFor(kind)
    await runner.start('build', 'one', 'vm', { made: [] })
    await runner.cancel('one')
    expect(await runner.wait('one')).toMatchObject({
      state: 'cancelled',
      error: { code: 'CANCELLED' },
    })
    expect([...world]).toEqual([])
  })

  it('refuses to cancel beyond the point of no return', async () => {
    let proceed = () => {}
    const run = () =>
      new Promise<void>((resolve) => {
        proceed = resolve
      })
    const { kind } = building(names, { roof: { run, forwards: 'until-refused' } })
    const runner = runnerFor(kind)
    await runner.start('build', 'one', 'vm', { made: [] })
    await untilStep(runner, 'roof')
    await expect(runner.cancel('one')).rejects.toMatchObject({ code: 'TOO_LATE_TO_CANCEL' })
    proceed()
    expect((await runner.wait('one')).state).toBe('succeeded')
  })

  it('holds the subject while it runs, and no longer', async () => {
    const { kind } = building(names)
    const runner = runnerFor(kind)
    await runner.start('build', 'one', 'vm', { made: [] })
    await expect(runner.start('build', 'two', 'vm', { made: [] })).rejects.toMatchObject({
      code: 'BUSY',
    })
    await runner.wait('one')
    expect((await runToEnd(runner, 'three')).state).toBe('succeeded')
  })

  it.each([
    { at: 'walls', forwards: undefined, ends: 'cancelled', left: [] },
    { at: 'roof', forwards: 'always', ends: 'succeeded', left: names },
  ] as const)('after a restart in $at it has $ends', async ({ at, forwards, ends, left }) => {
    const store = createMemoryRecordStore()
    const never = () => new Promise<void>(() => {})
    const before = building(names, { [at]: { run: never, ...(forwards ? { forwards } : {}) } })
    const first = runnerFor(before.kind, store)
    await first.start('build', 'one', 'vm', { made: [] })
    await untilStep(first, at)

    const after = building(names, forwards ? { [at]: { forwards } } : {})
    for (const thing of before.world) after.world.add(thing)
    const second = runnerFor(after.kind, store)
    await second.recover()
    expect((await second.wait('one')).state).toBe(ends)
    expect([...after.world]).toEqual(left)
  })

  it('tells watchers of every step, the end included', async () => {
    const { kind } = building(names)
    const runner = runnerFor(kind)
    const seen: string[] = []
    await runner.start('build', 'one', 'vm', { made: [] })
    await runner.watch('one', (operation) => seen.push(operation.state))
    await runner.wait('one')
    expect(seen.at(-1)).toBe('succeeded')
  })
})

function untilStep(runner: OperationRunner, name: string): Promise<void> {
  return new Promise((resolve) => {
    void runner.watch('one', (operation) => {
      const step = operation.steps.find((candidate) => candidate.name === name)
      if (step?.state === 'running') resolve()
    })
  })
}
