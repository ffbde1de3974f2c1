/** What the system calls an error, such as ENOENT; null: it is not the system's. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}
