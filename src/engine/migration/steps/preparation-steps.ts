import { CrosspoolError, isCrosspoolError } from '../../../model/errors.ts'
import type { Host } from '../../../model/host.ts'
import type { Check, Preflight, ReceiveRequest } from '../../../model/migration.ts'
import type { ReceiverGrant } from '../../../model/receiver.ts'
import type { ReplicaTerms, ReplicaWish } from '../../../model/replica.ts'
import type { KeepMode } from '../../../model/replication.ts'
import type { ToolstackPeer } from '../../../ports/peers.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import {
  buildReceiveRequest,
  check,
  checkSource,
  type DescribedVm,
  describeVm,
  mustAdopt,
} from '../describe-vm.ts'
import { writeOwnership } from '../epochs.ts'
import { HeartbeatSender } from '../heartbeat-sender.ts'
import { diskShare } from '../limit-disks.ts'
import type { MigrationContext, MigrationMemo } from '../memo.ts'
import { checkEncoding, encodingOf } from '../memory-encoding.ts'
import { preflightFailure } from '../plan-receive.ts'
import { countWrites } from '../write-latency.ts'
import { checkVerification } from './verify-step.ts'

/** Asks both sides everything that could fail later; changes nothing. */
export function checkEverything(environment: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'check',
    weight: 1,
    async run({ memo, operation }) {
      const { preflight, described, request, keep } = await preflightBothSides(
        environment,
        operation,
        memo,
      )
      if (!preflight.possible) throw preflightFailure(preflight)
      memo.receive = request
      memo.epoch = request.epoch
      memo.checks = preflight.checks
      memo.keep = keep
      memo.disks = preflight.disks.map((plan) => {
        const found = described.disks.find(({ disk }) => disk.slot === plan.slot)
        if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'disk', id: plan.slot })
        const toAdopt = mustAdopt(found.vdi)
        return {
          ...plan,
          device: found.disk.device,
          toAdopt,
          managed: found.vdi.managed,
          uri: null,
          replication: null,
        }
      })
      const host = await environment.peers.connect(memo.destinationUrl).host()
      memo.to = { pool: host.pool, host: host.name }
    },
  }
}

/** Both sides' checks as one table: VM.assert_can_migrate, and the migration's first step. */
export async function preflightBothSides(
  environment: ToolstackEnvironment,
  operation: string,
  memo: Pick<MigrationMemo, 'vm' | 'request' | 'destinationUrl'>,
): Promise<{
  preflight: Preflight
  described: DescribedVm
  request: ReceiveRequest
  keep: ReplicaTerms | null
}> {
  const described = await describeVm(environment, memo.vm.id)
  const request = await buildReceiveRequest(environment, operation, described, memo.request)
  const peer = environment.peers.connect(memo.destinationUrl)
  const there = await peer.preflight(request)
  const { keepReplica: wish, compressMemory } = memo.request
  const host = wish || compressMemory ? await peer.host() : null
  const keeping =
    wish && host ? agreeOnReplica(wish, (await environment.storage.facts()).keepModes, host) : null
  const encoding = host && compressMemory ? [checkEncoding(encodingOf(memo.request), host)] : []
  const own = checkSource(described, memo.request, environment.hypervisor.capabilities)
  const verification = await checkVerification(environment, memo.request, there.disks)
  const kept = keeping ? [keeping.check] : []
  const checks = [...own, ...verification, ...there.checks, ...kept, ...encoding]
  const possible = checks.every(({ result }) => result !== 'failed')
  const preflight = { ...there, checks, possible }
  return { preflight, described, request, keep: keeping?.terms ?? null }
}

/** The best way to keep replicas that both hosts have, or the one that is wanted. */
function agreeOnReplica(
  { mode: wanted, forMs }: ReplicaWish,
  own: readonly KeepMode[],
  { name, keepModes }: Host,
): { readonly check: Check; readonly terms: ReplicaTerms | null } {
  const common = own.filter((mode) => keepModes.includes(mode))
  const mode = common.find((one) => wanted === undefined || one === wanted)
  const ways = `${own.join(', ') || 'no way'} here, ${keepModes.join(', ') || 'no way'} there`
  const reason = mode
    ? `keeps replicas with ${mode}`
    : `no common way to keep a replica${wanted ? ` by ${wanted}` : ''}: ${ways}`
  const terms = mode ? { mode, forMs } : null
  return { check: check('keep-replica', name, mode !== undefined, reason, 'NOT_SUPPORTED'), terms }
}

/** VM.receive: the destination reserves memory and makes VDIs; the answer says where everything goes. */
export function reserveThere(environment: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'reserve',
    weight: 1,
    async run({ memo, operation, signal }) {
      if (!memo.receive) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id: '' })
      const peer = environment.peers.connect(memo.destinationUrl)
      // Each attempt has an epoch of its own: the destination may refuse this one for good.
      const { epoch, vm } = memo
      await writeOwnership(environment.store, vm.id, { epoch, state: 'owned', operation })
      const { receiver, token } = await whenThereIsRoom(environment, signal, peer, memo.receive)
      memo.receiver = { id: receiver.id, token }
      for (const disk of memo.disks) {
        const planned = receiver.disks.find(({ slot }) => slot === disk.slot)
        if (!planned)
          throw new CrosspoolError('PEER_FAILED', {
            code: 'NOT_FOUND',
            message: `no answer for disk ${disk.slot}`,
          })
        disk.uri = planned.replicationUri
      }
    },
    async undo({ memo, operation }) {
      if (!memo.receiver) return
      const reason = 'the source has taken the migration back'
      const peer = environment.peers.connect(memo.destinationUrl)
      await peer.abort(memo.receiver.id, memo.receiver.token, reason).catch((error: unknown) => {
        if (isCrosspoolError(error, 'NOT_FOUND')) return
        // It hears no heartbeat either, so it gives up by itself; the VM here must not wait for that.
        environment.log.warn({ operation, error }, 'the destination could not be told to abort')
      })
    },
  }
}

/** A destination at which many arrive makes us wait; it has no way to call us. */
async function whenThereIsRoom(
  { clock }: ToolstackEnvironment,
  signal: AbortSignal,
  peer: ToolstackPeer,
  request: ReceiveRequest,
): Promise<ReceiverGrant> {
  for (;;) {
    try {
      return await peer.receive(request)
    } catch (error) {
      if (!isCrosspoolError(error, 'QUEUE_FULL')) throw error
      await clock.sleep(queuePauseMs, signal)
    }
  }
}

const queuePauseMs = 2_000

/** From here on each side notices when the other is gone. */
export function keepHeartbeat(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, heartbeat, peers, log } = environment
  return {
    name: 'heartbeat',
    weight: 0,
    async run(context) {
      const { memo, live } = context
      const { receiver, receive } = memo
      if (!receiver) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id: '' })
      const deadlineMs = receive?.heartbeatDeadlineMs ?? heartbeat.deadlineMs
      const peer = peers.connect(memo.destinationUrl)
      live.heartbeat = new HeartbeatSender({
        ...{ clock, intervalMs: heartbeat.intervalMs, deadlineMs },
        send: (beat) => peer.heartbeat(receiver.id, receiver.token, beat),
        onMissed: (error) =>
          log.warn({ operation: context.operation, error }, 'a heartbeat was not answered'),
        describe: () => {
          void countWrites(environment, context)
          return {
            phase: context.step(),
            bytesPerSecondMax: diskShare(memo),
            replications: memo.disks.flatMap(({ slot, vdi }) => {
              const seen = live.replications.get(vdi)
              return seen ? [{ slot, state: seen.state, outOfSyncBytes: seen.outOfSyncBytes }] : []
            }),
          }
        },
        onLost: (error) => context.abort(error),
      })
    },
    async undo({ live }) {
      live.heartbeat?.stop()
    },
  }
}
