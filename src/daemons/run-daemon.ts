/** Starts a daemon, and stops it in order when the service manager asks. Errors of the start are one line, not a trace. */
export async function runDaemon(start: () => Promise<() => Promise<void>>): Promise<void> {
  // Whatever it or a program that it runs writes (records, secrets, logs, sockets) is for its user alone.
  process.umask(0o077)
  const stop = await start().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void stop().finally(() => process.exit(0))
    })
  }
}
