import type { ClassCall } from '../calls/class-calls.ts'
import type { XenRecord } from '../classes/describe-class.ts'
import type { ClassName } from '../classes/index.ts'
import { XenApiFailure } from '../failure.ts'
import type { XenValue } from '../types.ts'
import { findRecord } from './find-objects.ts'
import type { FaceParts } from './handler.ts'

type Texts = Readonly<Record<string, XenValue>>

/** Answers the calls that every class has, from the objects as they are now. */
export async function answerClassCall(
  parts: FaceParts,
  { className, verb }: ClassCall,
  parameters: Texts,
): Promise<XenValue> {
  const { log } = parts.view
  const text = (name: string) => String(parameters[name])
  const self = () => findRecord(parts, className, text('self'))
  switch (verb.kind) {
    case 'all':
      return log.all(className).map(({ ref }) => ref)
    case 'all-records':
      return Object.fromEntries(log.all(className).map(({ ref, record }) => [ref, record]))
    case 'record':
      return self()
    case 'by-uuid':
      return byUuid(parts, className, text('uuid'))
    case 'by-name':
      return log
        .all(className)
        .filter(({ record }) => record.name_label === text('label'))
        .map(({ ref }) => ref)
    case 'field':
      return fieldOf(self(), verb.field)
    default:
      self()
      await note(parts, className, verb.kind, parameters)
      parts.view.changed()
      return ''
  }
}

function byUuid({ view }: FaceParts, className: ClassName, uuid: string): string {
  const found = view.log.all(className).find(({ record }) => record.uuid === uuid)
  if (!found) throw new XenApiFailure('UUID_INVALID', className, uuid)
  return found.ref
}

function fieldOf(record: XenRecord, name: string): XenValue {
  const value = record[name]
  if (value === undefined) throw new Error(`a record lacks its field ${name}`)
  return value
}

async function note(
  { notes }: FaceParts,
  className: ClassName,
  kind: 'add-note' | 'remove-note' | 'set-notes',
  { self, key, value }: Texts,
): Promise<void> {
  const ref = String(self)
  if (kind === 'add-note') await notes.add(className, ref, String(key), String(value))
  if (kind === 'remove-note') await notes.remove(ref, String(key))
  if (kind === 'set-notes' && typeof value === 'object') {
    const entries = Object.entries(value).map(([name, text]) => [name, String(text)])
    await notes.set(ref, Object.fromEntries(entries))
  }
}
