import { CrosspoolError } from '../../model/errors.ts'
import { bannerText } from './migration-texts.ts'
import { listDomains, type XenContext } from './xen-context.ts'

/**
 * Sees to it that this domain runs. xl has no command that resumes a suspended domain, but it
 * resumes one when a migration fails; so one is begun that fails as soon as it has begun.
 * @throws NOT_FOUND; WRONG_STATE when the guest has ended by itself; COMMAND_FAILED when xl does not manage
 */
export async function reviveDomain(
  context: XenContext,
  { uuid, domid }: { readonly uuid: string; readonly domid: number },
): Promise<void> {
  const { commandRunner, limits } = context
  for (let attempt = 1; ; attempt += 1) {
    const domains = await listDomains(context)
    const domain = domains.find((other) => other.domid === domid && other.uuid === uuid)
    if (domain === undefined) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: uuid })
    const { state } = domain
    if (state === 'running') return
    if (attempt > attemptsMax) {
      const command = `xl, ${attemptsMax} times`
      const output = `domain ${domid} is still ${state}`
      throw new CrosspoolError('COMMAND_FAILED', { command, how: 'without effect', output })
    }
    if (state === 'shutdown' || state === 'crashed') {
      const details = { kind: 'vm', id: uuid, state, operation: 'resume', needed: 'suspended' }
      throw new CrosspoolError('WRONG_STATE', details)
    }
    const args =
      state === 'paused'
        ? ['unpause', String(domid)]
        : ['migrate', '-s', '', String(domid), failingTransport]
    await commandRunner.probe('xl', args, { timeoutMs: limits.stepMs })
  }
}

/**
 * Ends the stopped `xl migrate` of a daemon that has died while a VM was being handed over. Known
 * by our folder in its command line; if somebody let it go on, it would resume the domain.
 */
export async function endLeftSenders(context: XenContext, vm: string): Promise<void> {
  const folder = context.runtimeDirectory.replace(/[^\w/-]/g, '\\$&')
  for (const { domid, uuid } of await listDomains(context)) {
    if (uuid !== vm) continue
    const pattern = `xl migrate -s +${domid} exec socat .*UNIX-CONNECT:${folder}/`
    await context.commandRunner.probe('pkill', ['-KILL', '-f', pattern])
  }
}

const attemptsMax = 3

// It must take some of the memory first: libxl 4.17 crashes when its transport ends before that.
const failingTransport = `printf '%s\\n' '${bannerText.toString().trim()}'; head -c 65536 >/dev/null`
