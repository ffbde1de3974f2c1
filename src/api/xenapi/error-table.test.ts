import { describe, expect, it } from 'vitest'
import { CrosspoolError, type ErrorCode, errorTable } from '../../model/errors.ts'
import { describeFailure, xenApiErrors } from './error-table.ts'

/** How many parameters clients expect with a code, as xapi declares them. */
const parametersOf: Readonly<Record<string, number>> = {
  INVALID_VALUE: 2,
  SESSION_AUTHENTICATION_FAILED: 2,
  HANDLE_INVALID: 2,
  UNIQUENESS_CONSTRAINT_VIOLATION: 3,
  OPERATION_NOT_ALLOWED: 1,
  OTHER_OPERATION_IN_PROGRESS: 4,
  TASK_CANCELLED: 1,
  TOO_MANY_STORAGE_MIGRATES: 1,
  SR_FULL: 2,
  SR_BACKEND_FAILURE: 3,
  HOST_NOT_ENOUGH_FREE_MEMORY: 2,
  MIRROR_FAILED: 1,
  VDI_COPY_FAILED: 0,
  CANNOT_CONTACT_HOST: 1,
  RBAC_PERMISSION_DENIED: 2,
  INTERNAL_ERROR: 1,
  VM_MIGRATE_FAILED: 4,
}

const codes = Object.keys(errorTable) as ErrorCode[]
const migration = { vm: 'OpaqueRef:vm', source: 'OpaqueRef:here', destination: 'OpaqueRef:there' }

describe('errors in words of the XenAPI', () => {
  it('every code of the table has a row', () => {
    expect(Object.keys(xenApiErrors).sort()).toEqual([...codes].sort())
  })

  it.each(codes)('%s has the parameters that clients expect', (code) => {
    const failed = new CrosspoolError(code, { id: '1', kind: 'vm', reason: 'because' })
    for (const context of [{}, { task: 'OpaqueRef:task', migration }]) {
      const [name, ...parameters] = describeFailure(failed, context)
      expect(parametersOf[name], name).toBe(parameters.length)
    }
  })

  it('a migration fails with one code, unless a client can do something about another', () => {
    const lost = new CrosspoolError('REPLICATION_LOST', { id: 'r', state: 'failed' })
    expect(describeFailure(lost)).toEqual(['MIRROR_FAILED', 'r'])
    expect(describeFailure(lost, { migration })).toEqual([
      ...['VM_MIGRATE_FAILED', migration.vm, migration.source, migration.destination],
      'The replication r is failed',
    ])
    const cancelled = new CrosspoolError('CANCELLED')
    expect(describeFailure(cancelled, { migration, task: 'OpaqueRef:task' })).toEqual([
      ...['TASK_CANCELLED', 'OpaqueRef:task'],
    ])
  })
})
