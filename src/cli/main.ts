import { codeOf } from '../lib/error-code.ts'
import { runCli } from './run-cli.ts'

// Somebody who has read enough (`crosspool vms | head -1`) is no failure.
process.stdout.on('error', (error) => {
  if (codeOf(error) === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  onInterrupt(listener) {
    process.on('SIGINT', listener)
    return () => void process.off('SIGINT', listener)
  },
})
// Connections of the pool would keep the process for as long as the daemon allows.
process.exit()
