import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

interface PageTitleProps {
  readonly title: string
  readonly children?: ComponentChildren
}

/** The heading of a page, which the window bears as well. */
export function PageTitle({ title, children }: PageTitleProps) {
  useEffect(() => {
    document.title = `${title} · Crosspool`
  }, [title])
  return (
    <div class="page-title">
      <h1>{title}</h1>
      {children}
    </div>
  )
}
