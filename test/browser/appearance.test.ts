import { source as axe } from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../lab/support/wait-until.ts'
import { BrowserStage } from './browser-stage.ts'

/** Every page in both colours and both widths: a picture to look at, and the rules of axe. */
let stage: BrowserStage
let operation = ''
let vm = ''

beforeAll(async () => {
  stage = await BrowserStage.open()
  const { source, guest, destination } = stage
  vm = (await source.toolstack.getVm({ params: { vm: guest.name } })).id
  const started = await source.toolstack.migrate({
    params: { vm },
    body: { destination: destination.url, keepReplica: { forMs: 7_200_000 } },
  })
  operation = started.id
  await waitUntil(
    async () =>
      (await source.toolstack.getOperation({ params: { operation } })).state === 'succeeded',
    { description: 'the migration', timeoutMs: 90_000 },
  )
})

afterAll(() => stage?.close())

const sizes = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } } as const
const pages = [
  'overview',
  'vms',
  'vm',
  'storage',
  'replications',
  'replicas',
  'operations',
  'operation',
] as const

describe.each(Object.entries(sizes))('%s', (size, viewport) => {
  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    it.each(pages)('%s', async (name) => {
      const places = {
        ...{ overview: '', vms: '#/vms', storage: '#/storage' },
        ...{ replications: '#/replications', replicas: '#/replicas' },
        ...{
          operations: '#/operations',
          vm: `#/vms/${vm}`,
          operation: `#/operations/${operation}`,
        },
      }
      const page = await stage.show(stage.destination, '', { viewport, colorScheme })
      const host = name === 'operation' ? stage.source : stage.destination
      await page.goto(`${host.url}/${places[name]}`)
      await page.locator('h1').waitFor()
      await stage.photograph(page, `${name}-${size}-${colorScheme}`, true)
      expect(await problemsOf(page)).toEqual([])
      // Nothing but a table may be wider than the window.
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width)
      await page.context().close()
    })
  })
})

it('the dialogs', async () => {
  const page = await stage.show(stage.destination, `#/vms/${vm}`)
  await page.getByRole('button', { name: 'Migrate…' }).click()
  await page
    .getByRole('dialog')
    .getByText(/^It can be migrated/)
    .waitFor()
  expect(await problemsOf(page)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Replicate…' }).click()
  await page
    .getByRole('dialog')
    .getByText(/^It can be replicated/)
    .waitFor()
  expect(await problemsOf(page)).toEqual([])
  await page.keyboard.press('Escape')
  await page
    .getByRole('button', { name: /^Drop the replica/ })
    .first()
    .click()
  await page.getByRole('dialog', { name: /^Drop the replica of database/ }).waitFor()
  expect(await problemsOf(page)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Power off…' }).click()
  await page.getByRole('dialog', { name: 'Power off database?' }).waitFor()
  expect(await problemsOf(page)).toEqual([])
})

it('the chosen colours outlive a reload', async () => {
  const page = await stage.show(stage.destination)
  const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const light = await background()
  await page.getByRole('button', { name: /^Theme: auto/ }).click()
  await page.getByRole('button', { name: /^Theme: light/ }).click()
  const dark = await background()
  expect(dark).not.toBe(light)
  await page.reload()
  await page.getByRole('button', { name: /^Theme: dark/ }).waitFor()
  expect(await background()).toBe(dark)
})

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { html: string }[]
  }[]
}

async function problemsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<AxeResult>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}
