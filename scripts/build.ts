/** Makes dist/, which is what a host needs of this checkout. */
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundle } from './bundle.ts'

const distribution = join(resolve(import.meta.dirname, '..'), 'dist')
rmSync(distribution, { recursive: true, force: true })
mkdirSync(distribution, { recursive: true })
await bundle(distribution)
