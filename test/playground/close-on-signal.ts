/**
 * Ends things in order when somebody presses Ctrl-C, however often, or the service manager asks; the
 * process ends then. Answers how to take that back.
 */
export function closeOnSignal(close: () => Promise<void>): () => void {
  let isClosing = false
  const end = (): void => {
    if (isClosing) return
    isClosing = true
    void close().finally(() => process.exit(130))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
  }
}
