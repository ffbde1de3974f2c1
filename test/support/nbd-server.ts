import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/** A disk image behind a Unix socket, for VMs. The server may be taken away and put back. */
export interface NbdServer {
  /** What a VM is given. */
  readonly uri: string
  /** `brokenFor`: what it fails with an I/O error, as long as this server runs. */
  start(brokenFor?: 'write'): Promise<void>
  stop(): Promise<void>
}

export function nbdServer(image: string, socket: string): NbdServer {
  let child: ChildProcess | null = null
  return {
    uri: `nbd+unix:///disk?socket=${socket}`,
    async start(brokenFor) {
      await rm(socket, { force: true })
      const own = ['--socket', socket, '--export-name', 'disk']
      const faults = `driver=blkdebug,image.driver=file,image.filename=${image}`
      const served = brokenFor
        ? ['--image-opts', `driver=raw,file.${faults.replaceAll(',', ',file.')},${everyWrite}`]
        : ['--format', 'raw', image]
      const args = [...own, '--persistent', '--shared', '0', '--discard', 'unmap', ...served]
      child = spawn('qemu-nbd', args, { stdio: 'ignore' })
      while (await access(socket).catch(() => true)) await setTimeout(10)
    },
    async stop() {
      if (child?.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

const everyWrite = 'file.inject-error.0.event=none,file.inject-error.0.iotype=write'
