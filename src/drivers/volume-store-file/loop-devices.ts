import { isCrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import {
  attachLoopDevice,
  detachLoopDevice,
  type FileCommand,
  listLoopDevices,
} from './commands.ts'
import { type LoopDevice, parseLosetup } from './parse-losetup.ts'

/** Presents files as block devices, at most one of ours for each file. */
export class LoopDevices {
  readonly #runner: CommandRunner

  constructor(runner: CommandRunner) {
    this.#runner = runner
  }

  async list(): Promise<readonly LoopDevice[]> {
    return parseLosetup(await this.#run(listLoopDevices()))
  }

  /**
   * Past the page cache where the file system can do that, so that a file is not kept in memory
   * twice and two hosts that share it see the same. @throws COMMAND_FAILED when it cannot and `mustBeDirect`
   */
  async attach(file: string, sizeBytes: number, mustBeDirect: boolean): Promise<string> {
    const [present] = await this.#ofFile(file, sizeBytes)
    if (present) return present.path
    try {
      return (await this.#run(attachLoopDevice(file, sizeBytes, true))).trim()
    } catch (error) {
      if (mustBeDirect || !isCrosspoolError(error, 'COMMAND_FAILED')) throw error
      return (await this.#run(attachLoopDevice(file, sizeBytes, false))).trim()
    }
  }

  async detach(file: string, sizeBytes: number): Promise<void> {
    for (const { path } of await this.#ofFile(file, sizeBytes))
      await this.#run(detachLoopDevice(path))
  }

  async #ofFile(file: string, sizeBytes: number): Promise<readonly LoopDevice[]> {
    return (await this.list()).filter(
      (device) =>
        device.file === file &&
        device.offsetBytes === 0 &&
        device.sizeLimitBytes === sizeBytes &&
        !device.isLeaving,
    )
  }

  async #run([command, ...args]: FileCommand): Promise<string> {
    return (await this.#runner.run(command, args)).stdout
  }
}
