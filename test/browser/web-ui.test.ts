import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import { operationSchema } from '../../src/model/operation.ts'
import { BrowserStage } from './browser-stage.ts'

/** What an administrator does with the web UI, on real hosts with a running VM. In order: the VM moves. */
let stage: BrowserStage

beforeAll(async () => {
  stage = await BrowserStage.open()
})

afterEach(() => {
  stage.links.between.become('open')
  expect(stage.complaints()).toEqual([])
})

afterAll(() => stage?.close())

const ended = { timeout: 90_000 }

async function openVm(page: Page): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: 'VMs' }).click()
  await page.getByRole('link', { name: 'database', exact: true }).click()
  await page.getByRole('heading', { name: 'database', level: 1 }).waitFor()
}

it('a VM is migrated by mouse, watched, and its report kept', async () => {
  const { source, destination, guest, links } = stage
  const page = await stage.show(source)
  await openVm(page)
  await page.getByRole('button', { name: 'Migrate…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Migrate database' })
  await dialog.getByText(/^It can be migrated/).waitFor()
  await dialog.getByLabel(/^vda/).selectOption({ label: await srOption(dialog, 'qcow2') })
  await dialog.getByText('Asking both sides').waitFor()
  await dialog.getByText(/^It can be migrated/).waitFor()
  await stage.photograph(page, 'dialog')
  links.between.become('slow')
  await dialog.getByRole('button', { name: 'Migrate' }).click()

  await page.getByRole('heading', { name: 'migrate database', level: 1 }).waitFor()
  await page.locator('.timeline li.running', { hasText: 'synchronise' }).waitFor()
  // Half-way, where there is most to see.
  const halfway = page.locator('.transfers .number', { hasText: /^[4-7]\d %$/ })
  await halfway.first().waitFor()
  await stage.photograph(page, 'live')
  await stage.photograph(page, 'live-full', true)
  links.between.become('open')
  await page.getByText('database runs on beta/beta1.').first().waitFor(ended)

  const report = page.getByRole('region', { name: 'Report' })
  await report.getByText('Blackout', { exact: true }).waitFor()
  await report.getByText('2 disks the same on both sides before memory moved.').waitFor()
  await stage.photograph(page, 'report', true)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    report.getByRole('button', { name: 'Download JSON' }).click(),
  ])
  const kept = operationSchema.parse(JSON.parse(await readFile(await download.path(), 'utf8')))
  expect(kept.state).toBe('succeeded')
  expect(migrationDetailsOf(kept)).toMatchObject({ vmName: 'database', released: true })
  await page.reload()
  await report.getByText('Blackout', { exact: true }).waitFor()

  await guest.waitUntilOn(destination)
  const { problems, ioErrors } = await guest.checkWrites(destination)
  expect({ problems, ioErrors }).toEqual({ problems: [], ioErrors: 0 })
})

it('it is migrated back by keyboard alone', async () => {
  const { source, destination, guest } = stage
  const page = await stage.show(destination)
  await tabTo(page, 'link', 'VMs')
  await page.keyboard.press('Enter')
  await tabTo(page, 'link', 'database')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'database', level: 1 }).waitFor()
  await tabTo(page, 'button', 'Migrate…')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  expect(await focused(page)).toBe('Migrate…')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/^It can be migrated/).waitFor()
  await tabTo(page, 'button', 'Migrate')
  await page.keyboard.press('Enter')
  await page.getByText('database runs on alpha/alpha1.').first().waitFor(ended)
  // Whoever listens has heard it, too.
  await expect
    .poll(() => page.locator('p[role=status].for-ears').textContent())
    .toBe('database runs on alpha/alpha1.')
  await guest.waitUntilOn(source)
})

it('a cancel says what it does, and takes everything back', async () => {
  const { source, guest, links } = stage
  const page = await stage.show(source)
  await openVm(page)
  await page.getByRole('button', { name: 'Migrate…' }).click()
  links.between.become('slow')
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/^It can be migrated/).waitFor()
  await dialog.getByRole('button', { name: 'Migrate' }).click()
  await page.locator('.timeline li.running', { hasText: 'synchronise' }).waitFor()
  await page.getByRole('button', { name: 'Cancel…' }).click()
  const question = page.getByRole('dialog', { name: 'Cancel this migration?' })
  await question.getByText('database runs on at alpha/alpha1').waitFor()
  await stage.photograph(page, 'cancel')
  await question.getByRole('button', { name: 'Take it back' }).click()
  links.between.become('open')
  await page
    .getByText(/^Cancelled: database runs on at alpha/)
    .first()
    .waitFor(ended)
  await guest.waitUntilOn(source)
  await stage.photograph(page, 'cancelled', true)
})

it('a preflight that fails says why, and nothing can be begun', async () => {
  const { source } = stage
  const disk = await source.newDisk('qcow2', 'stubborn', 32 * MiB)
  const stubborn = stage.playground.guest({ name: 'stubborn', number: 171 })
  const body = { ...stubborn.description([disk]), cpu: 'max' }
  const { id: vm } = await source.toolstack.startVm({ body })
  const page = await stage.show(source, `#/vms/${vm}`)
  await page.getByRole('button', { name: 'Migrate…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/^It cannot be migrated so: 1 failed check/).waitFor()
  await dialog.getByRole('row', { name: /failed/ }).waitFor()
  expect(await dialog.getByRole('button', { name: 'Migrate' }).isDisabled()).toBe(true)
  await stage.photograph(page, 'preflight-failed')
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Pause' }).click()
  await page.locator('h1 + .badge', { hasText: 'paused' }).waitFor()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.locator('h1 + .badge', { hasText: 'running' }).waitFor()
  await page.getByRole('button', { name: 'Power off…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Power off' }).click()
  await page.locator('h1 + .badge', { hasText: 'halted' }).waitFor()
  await page.getByRole('button', { name: 'Forget…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click()
  await page.getByRole('heading', { name: 'No such VM' }).waitFor()
  await source.storage.destroyVdi(disk)
})

it('a lost daemon is said, with since when, and found again by itself', async () => {
  const { source } = stage
  const page = await stage.show(source)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await source.xapi.kill()
  const notice = page.getByRole('alert').filter({ hasText: 'The connection to this host is lost' })
  await notice.getByText(/What you see is as of \d\d:\d\d:\d\d/).waitFor()
  await page.getByRole('heading', { name: 'Pool alpha' }).waitFor()
  await stage.photograph(page, 'lost')
  source.xapi.start()
  await notice.waitFor({ state: 'detached' })
  await source.waitUntilAnswering()
})

it('a host of another pool that does not answer is shown as that', async () => {
  const { source, destination } = stage
  const page = await stage.show(source)
  await destination.xapi.kill()
  const badge = page.locator('.host .badge', { hasText: 'does not answer' })
  await badge.waitFor()
  await stage.photograph(page, 'host-lost')
  destination.xapi.start()
  await badge.waitFor({ state: 'detached' })
  await destination.waitUntilAnswering()
})

it('a token is entered once, sent with every request, and asked for again when it is revoked', async () => {
  const { source } = stage
  const { secret } = await source.toolstack.createToken({ body: { name: 'ann', role: 'viewer' } })
  const page = await stage.show(source, '', { isKnown: false })
  await page.getByLabel('API token').fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('This token was refused').waitFor()
  await stage.photograph(page, 'login')
  await page.getByLabel('API token').fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Pool beta' }).waitFor()
  await page.locator('header .role', { hasText: 'viewer' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Pool beta' }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()

  await page.getByLabel('API token').fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Pool beta' }).waitFor()
  expect(page.url()).not.toContain(secret)
  await source.toolstack.revokeToken({ params: { token: 'ann' } })
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
})

/** Presses Tab until the focus is on it, as one without a mouse would. */
async function tabTo(page: Page, role: 'link' | 'button', name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true }).last()
  await wanted.waitFor()
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab')
    if (await wanted.evaluate((element) => element.matches(':focus'))) return
  }
  throw new Error(`60 presses of Tab do not lead to ${role} ${name}`)
}

function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent')
}

type Dialog = ReturnType<Page['getByRole']>

/** The label of the option, which also tells how much is free. */
async function srOption(dialog: Dialog, name: string): Promise<string> {
  const option = dialog.locator('select[name=sr-vda] option', { hasText: name }).last()
  return (await option.textContent()) ?? ''
}
