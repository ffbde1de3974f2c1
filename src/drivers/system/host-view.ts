import { lookup } from 'node:dns/promises'
import { constants } from 'node:fs'
import { access, readdir, readFile, stat, statfs } from 'node:fs/promises'
import type { HostView } from '../../ports/host-needs.ts'
import { systemCommandRunner } from './command-runner.ts'

/** This host. */
export const systemHostView: HostView = {
  probe: systemCommandRunner.probe,
  readText: (path) => readFile(path, 'utf8').catch(() => null),
  listFolder: (path) => readdir(path).catch(() => []),
  status: (path) =>
    stat(path).then(
      ({ mode }) => ({ mode }),
      () => null,
    ),
  canUse: (path) =>
    access(path, constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ),
  freeBytes: (path) =>
    statfs(path).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => null,
    ),
  addressesOf: (name) =>
    lookup(name, { all: true }).then(
      (found) => found.map(({ address }) => address),
      () => [],
    ),
}
