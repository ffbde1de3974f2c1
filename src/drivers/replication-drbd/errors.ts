import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'

/** Why the kernel did not change the role, from "1000: State change failed: (-12) Device is held open by someone". */
function refusal(error: unknown): { code: number; reason: string } | null {
  if (!isCrosspoolError(error, 'COMMAND_FAILED')) return null
  const match = /State change failed: \((-\d+)\) (.+)/.exec(String(error.details.output ?? ''))
  return match ? { code: Number(match[1]), reason: match[2] ?? '' } : null
}

export function translatePromotion(error: unknown): unknown {
  const refused = refusal(error)
  return refused ? new CrosspoolError('HANDOVER_REFUSED', { reason: refused.reason }, error) : error
}

const heldOpen = -12

export function isHeldOpen(error: unknown): boolean {
  return refusal(error)?.code === heldOpen
}

export function busy(name: string, error: unknown): CrosspoolError {
  return new CrosspoolError(
    'BUSY',
    { kind: 'replicated device', id: name, user: 'whoever has it open' },
    error,
  )
}
