import type { Style, StyleName } from './style.ts'

type Cell = string | { readonly text: string; readonly style: StyleName }

export interface Column<Row> {
  readonly title: string
  readonly align?: 'right'
  cell(row: Row): Cell
}

/** Columns as wide as their longest cell. `empty` stands in for a table without rows. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  empty: string,
  style: Style,
): string {
  if (rows.length === 0) return style('dim', empty)
  const head = columns.map(({ title }): Cell => ({ text: title, style: 'dim' }))
  const lines = [head, ...rows.map((row) => columns.map((column) => column.cell(row)))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => widthOf(line[index]))))
  return lines
    .map((line) =>
      line
        .map((cell, index) => {
          const isLast = index === columns.length - 1
          const padding = ' '.repeat((widths[index] ?? 0) - widthOf(cell))
          const text = styled(cell, style)
          if (columns[index]?.align === 'right') return padding + text
          return isLast ? text : text + padding
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values below each other. */
export function fields(rows: readonly (readonly [string, string])[], style: Style): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${style('dim', name.padEnd(width))}  ${value}`).join('\n')
}

function styled(cell: Cell, style: Style): string {
  return typeof cell === 'string' ? cell : style(cell.style, cell.text)
}

function widthOf(cell: Cell | undefined): number {
  const text = typeof cell === 'string' ? cell : (cell?.text ?? '')
  return [...text].length
}
