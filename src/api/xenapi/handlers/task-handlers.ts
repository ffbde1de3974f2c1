import type { Operation } from '../../../model/operation.ts'
import type { taskCalls } from '../calls/session-calls.ts'
import { XenApiFailure } from '../failure.ts'
import { identities } from '../view/identities.ts'
import type { ClientTask } from '../view/task-objects.ts'
import type { CallHandlers, FaceParts } from './handler.ts'

export function taskHandlers(parts: FaceParts): CallHandlers<typeof taskCalls> {
  const { tasks, view, backend } = parts
  const { operations } = backend.toolstack

  async function operationOf(ref: string): Promise<Operation> {
    const found = (await operations.list()).find(({ id }) => identities.task(id).ref === ref)
    if (!found || !tasks.shows(found)) throw new XenApiFailure('HANDLE_INVALID', 'task', ref)
    return found
  }

  async function changeOwn(ref: string, change: (task: ClientTask) => void): Promise<string> {
    const task = tasks.find(ref)
    if (!task) {
      await operationOf(ref)
      throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'the engine alone writes this task')
    }
    change(task)
    view.changed()
    return ''
  }

  return {
    'task.create': async ({ label, description }) => {
      const task = tasks.create(label, description)
      view.changed()
      return identities.task(task.id).ref
    },
    'task.destroy': async ({ self }) => {
      if (!tasks.remove(self)) tasks.hide(await operationOf(self))
      view.changed()
      return ''
    },
    'task.cancel': async ({ task }) => {
      if (tasks.find(task))
        throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'this task cannot be cancelled')
      await operations.cancel((await operationOf(task)).id)
      view.changed()
      return ''
    },
    'task.set_progress': ({ self, value }) =>
      changeOwn(self, () => tasks.change(self, { progress: Math.min(1, Math.max(0, value)) })),
    'task.set_status': ({ self, value }) =>
      changeOwn(self, () => {
        const status = readStatus(value)
        if (status === 'pending' || status === 'cancelling') tasks.change(self, { status })
        else tasks.end(self, status, {})
      }),
    'task.add_to_other_config': ({ self, key, value }) =>
      changeOwn(self, ({ notes }) => {
        const before = notes[key]
        if (before !== undefined)
          throw new XenApiFailure(
            'MAP_DUPLICATE_KEY',
            ...['task', 'other_config', self, key, before, value],
          )
        tasks.change(self, { notes: { ...notes, [key]: value } })
      }),
    'task.remove_from_other_config': ({ self, key }) =>
      changeOwn(self, ({ notes }) => {
        const left = Object.entries(notes).filter(([name]) => name !== key)
        tasks.change(self, { notes: Object.fromEntries(left) })
      }),
  }
}

const statuses: readonly ClientTask['status'][] = [
  ...(['pending', 'success', 'failure', 'cancelling', 'cancelled'] as const),
]

function readStatus(value: string): ClientTask['status'] {
  const status = statuses.find((candidate) => candidate === value)
  if (!status) throw new XenApiFailure('INVALID_VALUE', 'status', value)
  return status
}
