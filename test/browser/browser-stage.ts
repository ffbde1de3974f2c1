import { randomFillSync } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { MiB } from '../../src/lib/units.ts'
import { HostLinks } from '../faults/host-links.ts'
import { ensurePackages } from '../lab/support/packages.ts'
import { Playground } from '../playground/playground.ts'
import type { PlaygroundGuest } from '../playground/playground-guest.ts'
import type { PlaygroundHost } from '../playground/playground-host.ts'

/** What a failed request says in the console; there are some where a daemon is killed or does not know who asks. */
const failedRequest = /Failed to load resource/

interface ShowOptions extends BrowserContextOptions {
  /** Has a token already, as after a login; true unless told. */
  readonly isKnown?: boolean
}

export const screenshots = resolve(import.meta.dirname, '../../.cache/screenshots')

/** Beyond what the guest writes to, and enough to be seen being copied. */
const filled = { fromBytes: 32 * MiB, bytes: 96 * MiB }

/** Two real hosts with a running guest, a link between them that can be slow, and Debian's Chromium. */
export class BrowserStage {
  readonly playground: Playground
  readonly guest: PlaygroundGuest
  readonly links: HostLinks
  readonly #browser: Browser
  readonly #tokens: Readonly<Record<string, string>>
  readonly #complaints: string[] = []

  private constructor(
    playground: Playground,
    guest: PlaygroundGuest,
    links: HostLinks,
    browser: Browser,
    tokens: Readonly<Record<string, string>>,
  ) {
    this.playground = playground
    this.guest = guest
    this.links = links
    this.#browser = browser
    this.#tokens = tokens
  }

  static async open(): Promise<BrowserStage> {
    await ensurePackages(console.error, ['chromium', 'fonts-dejavu-core'])
    await mkdir(screenshots, { recursive: true })
    const links = new HostLinks()
    const playground = await Playground.open({ arrange: (plans) => links.arrange(plans, 7) })
    const source = playground.host('alpha1')
    const root = await source.newDisk('raw', 'database-root', filled.fromBytes + filled.bytes)
    const data = await source.newDisk('raw', 'database-data', filled.fromBytes + filled.bytes)
    for (const vdi of [root, data]) await fill((await source.image(vdi)).path)
    const guest = playground.guest({ name: 'database', number: 170 })
    await guest.startOn(source, [root, data])
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      // Its sandbox needs rights that a container's root has not; it sees our own pages only.
      args: ['--no-sandbox'],
    })
    return new BrowserStage(playground, guest, links, browser, await tokensOf(playground))
  }

  get source(): PlaygroundHost {
    return this.playground.host('alpha1')
  }

  get destination(): PlaygroundHost {
    return this.playground.host('beta1')
  }

  /** A new window on a host's web UI. */
  async show(
    host: PlaygroundHost,
    hash = '',
    { isKnown = true, ...options }: ShowOptions = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({
      ...{ viewport: { width: 1280, height: 860 }, colorScheme: 'light' },
      // It cannot know the keys that the daemons have made themselves.
      ...{ ignoreHTTPSErrors: true, ...options },
    })
    if (isKnown) await context.addInitScript(enterToken(this.#tokens))
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => this.#complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !failedRequest.test(message.text()))
        this.#complaints.push(message.text())
    })
    await page.goto(`${host.url}/${hash}`)
    await page.locator('h1').waitFor()
    return page
  }

  /** What went wrong in the pages since the last time: errors, and what the content security policy forbids. */
  complaints(): readonly string[] {
    return this.#complaints.splice(0)
  }

  async photograph(page: Page, name: string, fullPage = false): Promise<void> {
    await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage })
  }

  async close(): Promise<void> {
    this.links.between.become('open')
    await this.#browser.close()
    await this.playground.close()
    this.links.close()
  }
}

/** For the page itself to run, on every host that it is on. */
function enterToken(tokens: Readonly<Record<string, string>>): string {
  const token = `${JSON.stringify(tokens)}[location.origin]`
  return `if (${token}) sessionStorage.setItem('crosspool.token', ${token})`
}

/** A token of each host that may do what an operator does. */
async function tokensOf({ hosts }: Playground): Promise<Readonly<Record<string, string>>> {
  const pairs = hosts.map(async ({ url, toolstack }) => {
    const { secret } = await toolstack.createToken({ body: { name: 'browser', role: 'operator' } })
    return [url, secret] as const
  })
  return Object.fromEntries(await Promise.all(pairs))
}

/** What is not zero has to be copied. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(randomFillSync(Buffer.alloc(filled.bytes)), 0, filled.bytes, filled.fromBytes)
  await file.close()
}
