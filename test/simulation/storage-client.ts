import type { LocalStorageManager } from '../../src/engine/disks/storage-manager.ts'
import { isCrosspoolError } from '../../src/model/errors.ts'
import type { Replication } from '../../src/model/replication.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import type { Daemon } from './daemon.ts'
import type { Life } from './life.ts'
import { copy, type Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

const timeoutMs = 120_000
const retryDelayMs = 1_000

/** The storage manager as a toolstack has it: behind a network, with what the real client makes of that. */
export function createStorageClient(
  from: { readonly name: string; readonly host: string; readonly life: Life },
  to: Daemon<LocalStorageManager>,
  network: Network,
  scheduler: Scheduler,
): StorageManager {
  const ask = <Result>(
    method: string,
    work: (storage: LocalStorageManager) => Promise<Result>,
  ): Promise<Result> =>
    network.call({ label: `${from.name} > ${to.name} ${method}`, from, to, timeoutMs, work })
  const clock = from.life.clock(scheduler.clock)

  return {
    facts: () => ask('facts', (sm) => sm.facts()),
    listSrs: () => ask('listSrs', (sm) => sm.listSrs()),
    createSr: (create) => ask('createSr', (sm) => sm.createSr(create)),
    forgetSr: (sr) => ask('forgetSr', (sm) => sm.forgetSr(sr)),
    listVdis: (filter) => ask('listVdis', (sm) => sm.listVdis(filter)),
    getVdi: (vdi) => ask('getVdi', (sm) => sm.getVdi(vdi)),
    createVdi: (create) => ask('createVdi', (sm) => sm.createVdi(copy(create))),
    destroyVdi: (vdi) => ask('destroyVdi', (sm) => sm.destroyVdi(vdi)),
    attach: (vdi) => ask('attach', (sm) => sm.attach(vdi)),
    activate: (vdi) => ask('activate', (sm) => sm.activate(vdi)),
    deactivate: (vdi) => ask('deactivate', (sm) => sm.deactivate(vdi)),
    detach: (vdi) => ask('detach', (sm) => sm.detach(vdi)),
    adopt: (vdi, device) => ask('adopt', (sm) => sm.adopt(vdi, device)),
    disown: (vdi) => ask('disown', (sm) => sm.disown(vdi)),
    getReplicationTarget: (vdi, schemes, source) =>
      ask('getReplicationTarget', (sm) => sm.getReplicationTarget(vdi, schemes, source)),
    replicateTo: (vdi, uri) => ask('replicateTo', (sm) => sm.replicateTo(vdi, uri)),
    relocate: (vdi, sr) => ask('relocate', (sm) => sm.relocate(vdi, sr)),
    followRelocation: (vdi, onChange, signal) =>
      ask('followRelocation', (sm) => sm.followRelocation(vdi, onChange, signal)),
    cancelRelocation: (vdi) => ask('cancelRelocation', (sm) => sm.cancelRelocation(vdi)),
    listReplications: () => ask('listReplications', (sm) => sm.listReplications()),
    getReplication: (id) => ask('getReplication', (sm) => sm.getReplication(id)),
    verifyReplication: (id) => ask('verifyReplication', (sm) => sm.verifyReplication(id)),
    limitReplication: (id, max) => ask('limitReplication', (sm) => sm.limitReplication(id, max)),
    keepReplication: (id, keep) =>
      ask('keepReplication', (sm) => sm.keepReplication(id, keep && copy(keep))),
    stopReplication: (id, keep) => ask('stopReplication', (sm) => sm.stopReplication(id, keep)),
    armHandover: (disks) => ask('armHandover', (sm) => sm.armHandover(copy(disks))),
    releaseDisks: (disks) => ask('releaseDisks', (sm) => sm.releaseDisks(copy(disks))),
    reclaimDisks: (disks) => ask('reclaimDisks', (sm) => sm.reclaimDisks(copy(disks))),
    takeDisks: (disks) => ask('takeDisks', (sm) => sm.takeDisks(copy(disks))),
    leftovers: () => ask('leftovers', (sm) => sm.leftovers()),
    cleanLeftovers: () => ask('cleanLeftovers', (sm) => sm.cleanLeftovers()),
    watchReplication(replication, listener) {
      const stop = new AbortController()
      void follow(to, replication, listener, stop.signal, (ms) => clock.sleep(ms, stop.signal))
      return () => stop.abort()
    },
  }
}

/** Goes on through restarts of the storage manager; a replication that is no longer there counts as stopped. */
async function follow(
  to: Daemon<LocalStorageManager>,
  id: string,
  listener: (replication: Replication) => void,
  signal: AbortSignal,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const seen: Replication[] = []
  while (!signal.aborted) {
    const { service, life } = to
    if (service && life) {
      let stop = () => {}
      try {
        const isOver = new Promise<void>((resolve) => {
          life.onEnd(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        stop = service.watchReplication(id, (replication) => {
          if (signal.aborted) return
          seen[0] = replication
          listener(replication)
        })
        await isOver
      } catch (error) {
        if (!isCrosspoolError(error, 'NOT_FOUND')) throw error
        const [last] = seen
        if (last) listener({ ...last, state: 'stopped' })
        return
      } finally {
        stop()
      }
    }
    await sleep(retryDelayMs).catch(() => {})
  }
}
