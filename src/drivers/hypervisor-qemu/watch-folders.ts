import { mkdirSync, watch } from 'node:fs'

/** Calls `listener` when a VM's folder comes or goes. Answers how to stop. */
export function watchFolders(directory: string, listener: () => void): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const watcher = watch(directory, () => listener())
  // The folder of all VMs has gone: then there is nothing more to tell.
  watcher.on('error', () => watcher.close())
  return () => watcher.close()
}
