import { timeLeftMs } from '../../../lib/time-left.ts'
import { CrosspoolError, isCrosspoolError } from '../../../model/errors.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import { handoverOf, type MigrationContext } from '../memo.ts'
import { encoded, encodingOf } from '../memory-encoding.ts'

/** Everything about the disks' handover that can be done before the VM pauses. */
export function armHandover({ storage }: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'arm',
    weight: 1,
    async run({ memo }) {
      if (memo.disks.length) await storage.armHandover(handoverOf(memo))
    },
    async undo({ memo }) {
      if (memo.disks.length) await storage.reclaimDisks(handoverOf(memo))
    },
  }
}

/** Sends the memory while the VM runs; ends with the VM stopped. What is left of the memory goes on while the disks are released. */
export function sendMemory(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, hypervisor, peers } = environment
  return {
    name: 'memory',
    weight: 40,
    async run(context) {
      const { memo, live, signal } = context
      const { receiver } = memo
      if (!receiver) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id: '' })
      const startedMs = clock.monotonicMs()
      const encoding = encodingOf(memo.request)
      const link = await peers
        .connect(memo.destinationUrl)
        .openMemory(receiver.id, receiver.token, encoding)
      const { stream, crossedBytes } = encoded(link, encoding)
      live.crossedBytes = crossedBytes
      // A stream that breaks is the driver's to explain; without a listener Node would end the process.
      stream.on('error', (error) =>
        environment.log.warn({ operation: context.operation, error }, 'memory stream'),
      )
      live.outgoing = await hypervisor.send(memo.vm.id, stream, {
        ...memo.request.memory,
        signal,
        onProgress: ({ sentBytes, totalBytes, passes = null }) => {
          const elapsedMs = Math.max(1, clock.monotonicMs() - startedMs)
          live.memory = {
            ...{ sentBytes, totalBytes, passes },
            bytesPerSecond: Math.round((sentBytes * 1000) / elapsedMs),
            // How much is sent again, because the guest has written to it, nobody knows.
            etaMs:
              sentBytes < totalBytes
                ? timeLeftMs(totalBytes - sentBytes, sentBytes / elapsedMs)
                : null,
          }
          context.progress(totalBytes === 0 ? 0 : sentBytes / totalBytes)
        },
      })
      await live.outgoing.stopped
      live.pausedAtMs = clock.monotonicMs()
      live.memory = { ...live.memory, etaMs: null }
      memo.figures.memoryMs = Math.round(live.pausedAtMs - startedMs)
    },
    async undo({ memo, live }) {
      try {
        // After a restart there is no sender any more, and the VM may stand still where that left it.
        await (live.outgoing ? live.outgoing.resume() : hypervisor.resume(memo.vm.id))
      } catch (error) {
        // The guest has ended by itself, or with its host: then there is nothing to run on.
        const hasEnded =
          isCrosspoolError(error, 'NOT_FOUND') || isCrosspoolError(error, 'WRONG_STATE')
        if (!hasEnded) throw error
      }
    },
  }
}
