import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { BlockReplicator } from '../../ports/block-replicator.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import { createDrbdCommands } from './commands.ts'
import { DrbdReplicator } from './drbd-replicator.ts'
import { defaultOptions, mergeOptions, type ReplicationOptions } from './options.ts'
import type { NumberRange } from './pick-reservation.ts'
import { startProgressRefresher } from './progress-refresher.ts'
import { createReservations } from './reservations.ts'
import { createResourceFiles } from './resource-files.ts'
import { startStateReader } from './state-reader.ts'
import { installUdevRule } from './udev-rule.ts'

export interface DrbdReplicatorOptions {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  /** Resource files and reservations are kept here, for example /var/lib/crosspool. */
  readonly stateDirectory: string
  /** Where other hosts reach this one for replication. */
  readonly address: string
  readonly minors?: NumberRange
  readonly ports?: NumberRange
  /** On top of the options that suit a live migration. */
  readonly options?: Partial<ReplicationOptions>
}

export interface ClosableBlockReplicator extends BlockReplicator {
  /** Stops to watch. Replications go on. */
  close(): Promise<void>
}

const defaultMinors: NumberRange = { from: 1000, to: 1999 }
const defaultPorts: NumberRange = { from: 7800, to: 7999 }
const readyDeadlineMs = 30_000

/**
 * DRBD in this host's kernel, beside the administrator's own.
 * @throws NOT_SUPPORTED where there is none
 */
export async function createDrbdReplicator(
  options: DrbdReplicatorOptions,
): Promise<ClosableBlockReplicator> {
  const { commandRunner, clock, stateDirectory } = options
  const version = await driverVersion(commandRunner)
  const driverMajor = Number.parseInt(version, 10)
  const replicationOptions = mergeOptions(defaultOptions, options.options ?? {})
  const files = createResourceFiles(stateDirectory, replicationOptions, driverMajor)
  const commands = createDrbdCommands(files.pathOf, driverMajor)
  const reservationDirectory = join(stateDirectory, 'minors')
  const reservations = createReservations(reservationDirectory)
  await installUdevRule(commandRunner, reservationDirectory)
  const reader = startStateReader({ commandRunner, clock, command: commands.events() })
  await Promise.race([reader.ready, clock.sleep(readyDeadlineMs)])

  const replicator = new DrbdReplicator({
    capabilities: { scheme: 'drbd', version },
    commandRunner,
    clock,
    commands,
    files,
    reservations,
    reader,
    lock: createKeyedLock(),
    address: options.address,
    rates: replicationOptions.disk,
    ranges: { minors: options.minors ?? defaultMinors, ports: options.ports ?? defaultPorts },
    known: new Map((await reservations.list()).map((found) => [found.name, found])),
  })
  const stop = startProgressRefresher(reader, (name) => replicator.isOurs(name), clock)
  return Object.assign(replicator, {
    async close() {
      stop()
      await reader.close()
    },
  })
}

async function driverVersion(commandRunner: CommandRunner): Promise<string> {
  const path = '/sys/module/drbd/version'
  const loaded = await readFile(path, 'utf8').catch(() => null)
  if (loaded !== null) return loaded.trim()
  const { stderr } = await commandRunner.probe('modprobe', ['drbd'])
  const version = await readFile(path, 'utf8').catch(() => null)
  if (version !== null) return version.trim()
  throw new CrosspoolError('NOT_SUPPORTED', {
    what: 'Replication with DRBD',
    reason: stderr.trim() || 'the kernel has no module drbd',
  })
}
