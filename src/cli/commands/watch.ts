import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { liveView, outcomeView } from '../views/migration-view.ts'
import { operationName } from '../views/operation-views.ts'
import { progressLines } from '../views/progress-lines.ts'
import { watch } from './operations.ts'

type Client = ApiClient<typeof toolstackRoutes>

/** Of a VM or an operation; left out: all that run. */
export async function watchAnything(context: CliContext, wanted?: string): Promise<ExitCode> {
  const client = await context.toolstack()
  if (wanted !== undefined) return watch(context, (await find(client, wanted)).id)
  const stop = new AbortController()
  const forget = context.surroundings.onInterrupt(() => stop.abort())
  return watchAll(context, client, stop.signal).finally(forget)
}

/** One that runs is meant rather than one that has ended. @throws NOT_FOUND */
async function find(client: Client, wanted: string): Promise<Operation> {
  const all = await client.listOperations()
  const byId = all.find(({ id }) => id === wanted)
  if (byId) return byId
  const ofVm = all.filter((each) => each.subject === wanted || operationName(each) === wanted)
  const found = ofVm.find((each) => !isEnded(each)) ?? ofVm[0]
  if (found) return found
  throw new CrosspoolError('NOT_FOUND', { kind: 'operation', id: `of ${wanted}` })
}

const pollIntervalMs = 1_000

/** Asked for again and again, since operations come and go. */
async function watchAll(
  context: CliContext,
  client: Client,
  signal: AbortSignal,
): Promise<ExitCode> {
  const show = await createPresenter(context)
  let before: readonly Operation[] = []
  try {
    for (;;) {
      const all = await client.listOperations()
      const running = all.filter((each) => !isEnded(each))
      const known = new Set(before.map(({ id }) => id))
      const ended = all.filter((each) => isEnded(each) && known.has(each.id))
      show(before, running, ended)
      if (running.length === 0) break
      before = running
      await setTimeout(pollIntervalMs, undefined, { signal })
    }
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted
    throw error
  } finally {
    show.done()
  }
  if (before.length === 0 && !context.json) context.print('Nothing runs.')
  return exitCodes.done
}

interface Presenter {
  (before: readonly Operation[], running: readonly Operation[], ended: readonly Operation[]): void
  done(): void
}

async function createPresenter(context: CliContext): Promise<Presenter> {
  const { style, screen } = context
  if (context.json) return presenter((_, all) => context.print(JSON.stringify(all)))
  if (screen.isLive) {
    const live = await screen.live()
    return presenter((_, running, ended) => {
      for (const each of ended) screen.tell(outcomeView(each, style))
      const views = running.map((each) => liveView(each, Date.now(), style, context.width))
      live.update(views.join('\n\n'))
    }, live.done)
  }
  return presenter((before, running, ended) => {
    for (const current of [...running, ...ended]) {
      const previous = before.find(({ id }) => id === current.id) ?? null
      const lines = progressLines(previous, current)
      for (const line of lines) context.print(`${operationName(current)}: ${line}`)
    }
    for (const each of ended) context.print(outcomeView(each, style))
  })
}

function presenter(
  show: (
    before: readonly Operation[],
    running: readonly Operation[],
    ended: readonly Operation[],
  ) => void,
  done = () => {},
): Presenter {
  return Object.assign(show, { done })
}
