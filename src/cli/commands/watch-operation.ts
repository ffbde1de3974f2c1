import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { liveView, outcomeView } from '../views/migration-view.ts'
import { progressLines } from '../views/progress-lines.ts'
import { tellError } from './outcome.ts'

/** Elapsed times go on between two documents. */
const redrawIntervalMs = 1_000

/**
 * Shows an operation until it has ended or `signal` is aborted: a picture on a terminal, a line
 * per change elsewhere, a document per line with --json. Answers the last document.
 */
export async function watchOperation(
  context: CliContext,
  client: ApiClient<typeof toolstackRoutes>,
  operation: string,
  signal: AbortSignal,
): Promise<Operation | null> {
  const show = await createPresenter(context)
  let last: Operation | null = null
  try {
    const events = client.watchOperation(
      { params: { operation } },
      {
        signal,
        onInterruption: () => context.tell('The daemon does not answer; trying again.'),
      },
    )
    for await (const document of events) {
      show.document(last, document)
      last = document
    }
  } finally {
    show.done()
  }
  if (last !== null && isEnded(last) && !context.json) {
    context.print(outcomeView(last, context.style))
    tellError(context, last)
  }
  return last
}

interface Presenter {
  document(previous: Operation | null, current: Operation): void
  done(): void
}

async function createPresenter(context: CliContext): Promise<Presenter> {
  if (context.json) {
    return { document: (_, current) => context.print(JSON.stringify(current)), done() {} }
  }
  if (!context.screen.isLive) {
    return {
      document(previous, current) {
        for (const line of progressLines(previous, current)) context.print(line)
      },
      done() {},
    }
  }
  const live = await context.screen.live()
  let newest: Operation | null = null
  const redraw = () => {
    if (newest !== null) live.update(liveView(newest, Date.now(), context.style, context.width))
  }
  const timer = setInterval(redraw, redrawIntervalMs)
  return {
    document(_, current) {
      newest = current
      redraw()
    },
    done() {
      clearInterval(timer)
      live.done()
    },
  }
}
