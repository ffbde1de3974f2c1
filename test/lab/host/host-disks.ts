import { access, mkdir, open, rm } from 'node:fs/promises'
import { execa } from 'execa'
import { type HostPlan, hostDisks } from './qemu-command.ts'

/** Makes the disks that are not there yet; disks of an earlier run are kept, as a host keeps them over a power cut. */
export async function ensureHostDisks(plan: HostPlan): Promise<void> {
  const { topology, image } = plan
  await mkdir(plan.paths.hostDirectory(plan.specification.name), { recursive: true })
  for (const disk of hostDisks(plan)) {
    const isThere = await access(disk.path).then(
      () => true,
      () => false,
    )
    if (isThere) continue
    if (disk.serial === 'root') {
      const backing = ['-b', image.rootDisk, '-F', 'raw']
      await execa('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, disk.path])
    } else {
      const shared = topology.sharedDisks.find((candidate) => candidate.name === disk.serial)
      const ownBytes = disk.serial === 'vg0' ? topology.volumeGroupBytes : topology.imageDiskBytes
      await makeSparseFile(disk.path, shared?.sizeBytes ?? ownBytes)
    }
    if (disk.serial === 'images') await makeFileSystem(disk.path)
  }
}

async function makeSparseFile(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(sizeBytes)
  await file.close()
}

async function makeFileSystem(path: string): Promise<void> {
  const extended = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard'
  try {
    await execa('mke2fs', ['-q', '-t', 'ext4', '-L', 'images', '-E', extended, '-m', '0', path])
  } catch (error) {
    await rm(path)
    throw error
  }
}
