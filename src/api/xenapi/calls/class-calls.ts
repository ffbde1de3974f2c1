import type { Role } from '../../../model/access.ts'
import { recordType, type XenClass } from '../classes/describe-class.ts'
import { type ClassName, xenClasses } from '../classes/index.ts'
import { map, nothing, ref, set, string } from '../types.ts'
import type { CallDescription } from './describe-call.ts'

/** What a call that every class has does with the class's objects. */
export type ClassVerb =
  | { readonly kind: 'all' | 'all-records' | 'record' | 'by-uuid' | 'by-name' }
  | { readonly kind: 'field'; readonly field: string }
  | { readonly kind: 'add-note' | 'remove-note' | 'set-notes' }

export interface ClassCall {
  readonly name: string
  readonly className: ClassName
  readonly verb: ClassVerb
  readonly description: CallDescription
}

/** Notes of clients are shown to others. */
function roleOf({ kind }: ClassVerb): Role {
  return kind.endsWith('note') || kind === 'set-notes' ? 'operator' : 'viewer'
}

/** Getters, look-ups and notes: they follow from the class alone. */
export function classCalls(): ClassCall[] {
  return Object.values(xenClasses).flatMap((description: XenClass & { name: ClassName }) => {
    const call = (
      verbName: string,
      verb: ClassVerb,
      parameters: CallDescription['parameters'],
      result: CallDescription['result'],
    ): ClassCall => ({
      name: `${description.name}.${verbName}`,
      className: description.name,
      verb,
      description: { about: '', role: roleOf(verb), parameters, result },
    })
    const self = ref(description.name)
    const type = recordType(description)
    return [
      call('get_all', { kind: 'all' }, {}, set(self)),
      call('get_all_records', { kind: 'all-records' }, {}, map(self, type)),
      call('get_record', { kind: 'record' }, { self }, type),
      call('get_by_uuid', { kind: 'by-uuid' }, { uuid: string }, self),
      ...('name_label' in description.fields
        ? [call('get_by_name_label', { kind: 'by-name' }, { label: string }, set(self))]
        : []),
      ...Object.entries(description.fields).map(([name, field]) =>
        call(`get_${name}`, { kind: 'field', field: name }, { self }, field.type),
      ),
      ...(description.keepsNotes ? noteCalls(call, self) : []),
    ]
  })
}

type MakeCall = (
  verbName: string,
  verb: ClassVerb,
  parameters: CallDescription['parameters'],
  result: CallDescription['result'],
) => ClassCall

function noteCalls(call: MakeCall, self: ReturnType<typeof ref>): ClassCall[] {
  const value = map(string, string)
  return [
    call('set_other_config', { kind: 'set-notes' }, { self, value }, nothing),
    call(
      'add_to_other_config',
      { kind: 'add-note' },
      { self, key: string, value: string },
      nothing,
    ),
    call('remove_from_other_config', { kind: 'remove-note' }, { self, key: string }, nothing),
  ]
}
