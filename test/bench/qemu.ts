import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MiB } from '../../src/lib/units.ts'
import { ensureGuest } from '../lab/guest/build-guest.ts'
import { ensurePackages } from '../lab/support/packages.ts'
import { ensureGuestKernel } from '../playground/guest-kernel.ts'
import { playgroundPackages } from '../playground/playground.ts'
import { ensurePrograms } from '../playground/programs.ts'
import type { Contender } from './contender.ts'
import { openCrosspool } from './contenders/crosspool.ts'
import { openLibvirt } from './contenders/libvirt.ts'
import { openPlainQemu } from './contenders/plain-qemu.ts'
import { GuestCrashed, measureContender, type Sample, type Task } from './measure-contender.ts'
import { lineOf, type MovePlan } from './move-plan.ts'
import { rawCopy } from './raw-copy.ts'
import { writeDense } from './template-disk.ts'

const libvirt = ['libvirt-daemon', 'libvirt-clients', 'libvirt-daemon-driver-qemu']

type Log = (line: string) => void

/** Gets and builds what it needs, while there is a network to get it from. */
export async function prepareQemu(log: Log): Promise<void> {
  await ensurePackages(log, [...playgroundPackages, ...libvirt, 'iproute2', 'socat'])
  await ensureGuest(await ensureGuestKernel(log))
  await ensurePrograms()
}

/** The same guest moved by each contender in turn, so that what else this machine does hits all alike. */
export async function benchQemu(plan: MovePlan, log: Log): Promise<readonly Sample[]> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-bench-'))
  const contenders: Contender[] = []
  try {
    for (const open of [openCrosspool, openLibvirt, openPlainQemu]) contenders.push(await open(log))
    const samples: Sample[] = []
    for (const mebibytes of plan.allocatedMebibytes) {
      const denseFile = join(folder, 'dense')
      await writeDense(denseFile, mebibytes)
      const task = {
        disk: { sizeBytes: plan.sizeBytes, allocatedBytes: mebibytes * MiB },
        rawCopy: () => rawCopy(denseFile, join(folder, 'copy')),
      }
      for (let repeat = 1; repeat <= plan.repeats; repeat += 1)
        for (const contender of contenders) {
          const measured = await measureAgain(contender, task, log)
          for (const sample of measured) log(lineOf(sample, repeat))
          samples.push(...measured)
        }
    }
    return samples
  } finally {
    for (const contender of contenders) await contender.close()
    await rm(folder, { recursive: true })
  }
}

const triesMax = 3

/** Others' guests are not kept from QEMU's defect (see `ramBytesOf`): what it spoils is done anew. Ours must not crash. */
async function measureAgain(
  contender: Contender,
  task: Task,
  log: Log,
): Promise<readonly Sample[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await measureContender(contender, task)
    } catch (error) {
      const mayCrash = error instanceof GuestCrashed && contender.name !== 'crosspool'
      if (!mayCrash || tries === triesMax) throw error
      log(`${error.message}; once more`)
      await contender.end()
    }
  }
}
