import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type {
  BlockDevice,
  BlockMapper,
  BlockSegment,
  BlockTable,
} from '../../ports/block-mapper.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import * as commands from './commands.ts'
import { createDeviceNames, type DeviceNames } from './device-names.ts'
import { isMissing, translate } from './errors.ts'
import { parseInfo, parseMirrorStatus, parseNames } from './parse-info.ts'
import { parseTable } from './parse-table.ts'
import { installUdevRule } from './udev-rule.ts'

const brief = { isBrief: true }

/** Device-mapper through dmsetup: one process for each change, whatever the number of devices where it allows that. */
export function createDmBlockMapper(
  commandRunner: CommandRunner,
  deviceNames: DeviceNames = createDeviceNames(),
  prepareHost: () => Promise<void> = () => installUdevRule(commandRunner),
): BlockMapper {
  let prepared: Promise<void> | null = null

  async function run(args: readonly string[], name: string, input?: string): Promise<void> {
    try {
      await commandRunner.run(
        commands.command,
        args,
        input === undefined ? brief : { ...brief, input },
      )
    } catch (error) {
      throw translate(error, name)
    }
  }

  /** As `run`, but nothing happens when the device is not there. */
  async function runIfPresent(args: readonly string[], name: string): Promise<void> {
    try {
      await run(args, name)
    } catch (error) {
      const output = isCrosspoolError(error, 'COMMAND_FAILED') ? String(error.details.output) : ''
      if (!isMissing(output)) throw error
    }
  }

  async function inspect(name: string): Promise<BlockDevice | null> {
    const [info, table] = await Promise.all([
      commandRunner.probe(commands.command, commands.infoArguments(name), brief),
      commandRunner.probe(commands.command, commands.tableArguments(name), brief),
    ])
    const found = parseInfo(info.stdout)
    if (found === null || table.exitCode !== 0) return null
    const segments = parseTable(table.stdout)
    return { name, table: await Promise.all(segments.map(withDevicePath)), ...found }
  }

  function withDevicePath(segment: BlockSegment): Promise<BlockSegment> {
    return withDevices(segment, (device) => deviceNames.pathOf(device))
  }

  async function isSameTable(one: BlockTable, other: BlockTable): Promise<boolean> {
    const [left, right] = await Promise.all([one, other].map(withDeviceNumbers))
    return left === right
  }

  async function withDeviceNumbers(table: BlockTable): Promise<string> {
    const number = async (device: string) => (await deviceNames.numberOf(device)) ?? device
    const segments = table.map((segment) => withDevices(segment, number))
    return commands.formatTable(await Promise.all(segments))
  }

  return {
    async create(name, table) {
      prepared ??= prepareHost()
      await prepared
      const found = await inspect(name)
      const lines = commands.formatTable(table)
      if (found === null) return run(commands.createArguments(name), name, lines)
      if (found.table.length === 0) {
        // Somebody crashed after making the device and before giving it a table.
        await run(commands.loadArguments(name), name, lines)
        return run(commands.resumeArguments([name]), name)
      }
      if (!(await isSameTable(found.table, table)))
        throw new CrosspoolError('ALREADY_EXISTS', { kind: 'device', id: name })
      if (found.isSuspended) await run(commands.resumeArguments([name]), name)
    },

    load: (name, table) => run(commands.loadArguments(name), name, commands.formatTable(table)),
    clear: (name) => runIfPresent(commands.clearArguments(name), name),

    async suspend(names) {
      if (names.length > 0) await run(commands.suspendArguments(names), names.join(' '))
    },

    async resume(names) {
      if (names.length > 0) await run(commands.resumeArguments(names), names.join(' '))
    },

    remove: (name) => runIfPresent(commands.removeArguments(name), name),
    inspect,

    async list(prefix) {
      const { stdout } = await commandRunner.run(commands.command, commands.listArguments())
      return parseNames(stdout).filter((name) => name.startsWith(prefix))
    },

    async nameOf(devicePath) {
      const number = await deviceNames.numberOf(devicePath)
      return number === null ? null : deviceNames.mappedNameOf(number)
    },

    async mirrorState(name) {
      const { stdout } = await commandRunner.run(commands.command, commands.statusArguments(name))
      const state = parseMirrorStatus(stdout)
      if (state !== null) return state
      const details = { kind: 'device', id: name, state: stdout.trim(), operation: 'copy' }
      throw new CrosspoolError('WRONG_STATE', { ...details, needed: 'a mirror' })
    },

    async flush(devicePath) {
      await commandRunner.run(commands.flushCommand, [devicePath], brief)
    },

    pathOf: (name) => `/dev/mapper/${name}`,
  }
}

async function withDevices(
  segment: BlockSegment,
  rename: (device: string) => Promise<string>,
): Promise<BlockSegment> {
  if (segment.target === 'linear') return { ...segment, device: await rename(segment.device) }
  if (segment.target !== 'mirror') return segment
  const [device, copy] = await Promise.all([rename(segment.device), rename(segment.copy)])
  return { ...segment, device, copy }
}
