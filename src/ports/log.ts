/** Structured log; pino fits. Field `operation` is the same on both hosts of a migration. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export type LogFields = Readonly<Record<string, unknown>>

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
