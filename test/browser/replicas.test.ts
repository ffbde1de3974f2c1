import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import { BrowserStage } from './browser-stage.ts'

/** Replicas in the web UI, on real hosts with a running VM. In order: what one keeps the next finds. */
let stage: BrowserStage

beforeAll(async () => {
  stage = await BrowserStage.open()
})

afterEach(() => expect(stage.complaints()).toEqual([]))

afterAll(() => stage?.close())

const ended = { timeout: 90_000 }

async function openReplicas(page: Page): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: 'Replicas' }).click()
  await page.getByRole('heading', { name: 'Replicas', level: 1 }).waitFor()
}

it('disks that a VM has left are listed as replicas on the pages of both hosts', async () => {
  const { source, destination, guest } = stage
  const page = await stage.show(source)
  await openReplicas(page)
  await page.getByText(/^No replica is kept/).waitFor()
  await stage.photograph(page, 'replicas-none')
  await page.goto(`${source.url}/#/vms`)
  await page.getByRole('link', { name: 'database', exact: true }).click()
  await page.getByRole('button', { name: 'Migrate…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Migrate database' })
  await dialog.getByText('Options', { exact: true }).click()
  await dialog.getByLabel(/^Keep the disks here as replicas/).fill('2')
  await dialog.getByRole('row', { name: /^keep-replica/ }).waitFor()
  await dialog.getByText(/^It can be migrated/).waitFor()
  await dialog.getByRole('button', { name: 'Migrate' }).click()
  await page.getByText('database runs on beta/beta1.').first().waitFor(ended)
  await guest.waitUntilOn(destination)

  await openReplicas(page)
  const row = page.getByRole('row', { name: /^database vda/ })
  await row.getByRole('cell', { name: /^this host database-root, raw$/ }).waitFor()
  await row.getByRole('cell', { name: 'at rest what differs is noted' }).waitFor()
  await row.getByRole('cell', { name: /^(2 h|119 min) 20\d\d-/ }).waitFor()
  expect(await page.getByRole('row', { name: /^database vd/ }).count()).toBe(2)
  await stage.photograph(page, 'replicas')

  const there = await stage.show(destination, '#/replicas')
  const cells = there.getByRole('row', { name: /^database vda/ }).getByRole('cell')
  await cells.nth(0).getByText('this host').waitFor()
  await cells.nth(1).getByText('alpha/alpha1').waitFor()
  // The guest goes on writing: what is lacking is seen to grow, without a reload.
  await expect.poll(() => cells.nth(3).textContent(), ended).toMatch(/^[\d.]+ [KM]iB/)
})

it('one is dropped by mouse: gone on both sides, with the disk that it was', async () => {
  const { source, destination } = stage
  const page = await stage.show(source, '#/replicas')
  const there = await stage.show(destination, '#/replicas')
  const name = /^database vda/
  await there.getByRole('row', { name }).waitFor()
  await page.getByRole('row', { name }).getByRole('button').click()
  const question = page.getByRole('dialog', { name: 'Drop the replica of database vda?' })
  await question.getByText(/^The copy database-root at alpha\/alpha1 is deleted/).waitFor()
  await question.getByText(/afterwards copies all of the disk: 128 MiB/).waitFor()
  await stage.photograph(page, 'replica-drop')
  await question.getByRole('button', { name: 'Leave it' }).click()
  await page.getByRole('row', { name }).getByRole('button').click()
  await question.getByRole('button', { name: 'Drop it' }).click()
  for (const shown of [page, there])
    await shown.getByRole('row', { name }).waitFor({ state: 'detached' })
  await page.getByRole('row', { name: /^database vdb/ }).waitFor()
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main')
  const names = (await source.storage.listVdis()).map((vdi) => vdi.name)
  expect(names).not.toContain('database-root')
  expect(names).toContain('database-data')
})

it('whoever may only look is offered no drop', async () => {
  const { source } = stage
  const body = { name: 'onlooker', role: 'viewer' } as const
  const { secret } = await source.toolstack.createToken({ body })
  const page = await stage.show(source, '#/replicas', { isKnown: false })
  await page.getByLabel('API token').fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('header .role', { hasText: 'viewer' }).waitFor()
  const row = page.getByRole('row', { name: /^database vdb/ })
  await row.waitFor()
  expect(await row.getByRole('button').count()).toBe(0)
})

it('a drop that the other host does not hear of says so, before and after', async () => {
  const { source, destination } = stage
  const page = await stage.show(source, '#/replicas')
  await destination.xapi.kill()
  const row = page.getByRole('row', { name: /^database vdb/ })
  await row.getByText('does not answer').waitFor()
  await row.getByText('not known').waitFor()
  await row.getByRole('button').click()
  const question = page.getByRole('dialog')
  await question.getByText(/beta\/beta1 does not answer, so it is not told/).waitFor()
  await stage.photograph(page, 'replica-drop-silent')
  await question.getByRole('button', { name: 'Drop it' }).click()
  await row.waitFor({ state: 'detached' })
  await page
    .getByRole('alert')
    .getByText('Dropped here; beta/beta1 does not answer: drop it there, too.')
    .waitFor()
  destination.xapi.start()
  await destination.waitUntilAnswering()

  const there = await stage.show(destination, '#/replicas')
  const left = there.getByRole('row', { name: /^database vdb/ })
  await left.getByText('has ended it').waitFor()
  await left.getByText('there is no copy any more').waitFor()
  await left.getByRole('button').click()
  await there.getByRole('dialog').getByRole('button', { name: 'Drop it' }).click()
  await left.waitFor({ state: 'detached' })
})

it('disks are copied beforehand from the page of the VM, which stays', async () => {
  const { destination, guest } = stage
  const page = await stage.show(destination, '#/vms')
  await page.getByRole('link', { name: 'database', exact: true }).click()
  await page.getByRole('button', { name: 'Replicate…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Replicate database' })
  await dialog.getByLabel('Keep them for').selectOption('30 days')
  await dialog.getByLabel('A replica has').selectOption('difference')
  await dialog.getByText(/^It can be replicated/).waitFor()
  await stage.photograph(page, 'replicate-dialog')
  await dialog.getByRole('button', { name: 'Replicate' }).click()
  const sentence = 'alpha/alpha1 keeps replicas of database, which runs on at beta/beta1.'
  await page.getByText(sentence).first().waitFor(ended)
  await stage.photograph(page, 'replicated', true)
  await page.getByRole('link', { name: 'Show the VM' }).click()
  const replicas = page.getByRole('region', { name: 'Replicas', exact: true })
  await replicas.getByRole('row', { name: /^database vdb.* 30 days/ }).waitFor()
  await stage.photograph(page, 'vm-with-replicas', true)
  const { problems, ioErrors } = await guest.checkWrites(destination)
  expect({ problems, ioErrors }).toEqual({ problems: [], ioErrors: 0 })
})

it('a VM that another host may have been given is started once the administrator has given his word', async () => {
  const { source } = stage
  const disk = await source.newDisk('qcow2', 'twin', 32 * MiB)
  const twin = stage.playground.guest({ name: 'twin', number: 172 })
  const { id: vm } = await source.toolstack.startVm({ body: twin.description([disk]) })
  await source.toolstack.destroyVm({ params: { vm } })
  const page = await stage.show(source, `#/vms/${vm}`)
  // Replicas with every write want DRBD; what the host would say of one is said in its place.
  const undecided = new CrosspoolError('REPLICA_UNDECIDED', { vm: 'twin', host: 'beta/beta1' })
  await page.route(`**/vms/${vm}/start`, (route) =>
    route.fulfill({ status: undecided.status, json: undecided.toDocument() }),
  )
  await page.route(`**/replicas/${vm}`, (route) => route.fulfill({ status: 200, json: [] }))
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByText(/^VM twin may have been given to beta\/beta1/).waitFor()
  await page.getByRole('button', { name: 'Drop the replica…' }).click()
  const question = page.getByRole('dialog', { name: 'Drop the replica of twin?' })
  await question.getByText(/is your word that nobody else has twin/).waitFor()
  await stage.photograph(page, 'replica-undecided')
  await question.getByRole('button', { name: 'Drop it' }).click()
  await page.getByText(/^VM twin may have been given/).waitFor({ state: 'detached' })
  await page.unroute(`**/vms/${vm}/start`)
  await page.getByRole('button', { name: 'Start' }).click()
  await page.locator('h1 + .badge', { hasText: 'running' }).waitFor()
})
