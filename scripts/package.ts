/** Makes the Debian packages in build/: Crosspool of this checkout, and the Node that runs this. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../src/lib/version.ts'
import { makeCrosspoolPackage, makeNodePackage } from './package/make-packages.ts'

const { values } = parseArgs({ options: { version: { type: 'string', default: version } } })
const folder = join(resolve(import.meta.dirname, '..'), 'build')
mkdirSync(folder, { recursive: true })
console.log(await makeCrosspoolPackage({ version: values.version, folder }))
console.log(await makeNodePackage(folder))
