import { isCrosspoolError } from '../../model/errors.ts'
import type { Style } from './style.ts'

interface ShownError {
  readonly code: string
  readonly message: string
  readonly advice: string
}

/** What happened, and what to do next. */
export function errorView({ code, message, advice }: ShownError, style: Style): string {
  return `${style('red', 'crosspool:')} ${message} ${style('dim', `[${code}]`)}\n${advice}`
}

/** Whatever was thrown, for a person. */
export function failureText(error: unknown, style: Style): string {
  if (isCrosspoolError(error)) return errorView(error.toDocument(), style)
  const message = error instanceof Error ? error.message : String(error)
  return `${style('red', 'crosspool:')} ${message}`
}
