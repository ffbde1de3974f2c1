import type { ComponentChild } from 'preact'

interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => ComponentChild
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
  /** Left out where there is little room. */
  readonly isMinor?: boolean
}

interface DataTableProps<Row> {
  readonly caption: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  readonly empty: ComponentChild
  /** Where there is little room each row is a card with all of it, instead of less of it. */
  readonly isStacked?: boolean
}

/** The first column names the row. */
export function DataTable<Row>({
  caption,
  rows,
  columns,
  keyOf,
  empty,
  isStacked = false,
}: DataTableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>
  const classOf = ({ isNumber, isMinor }: Column<Row>) =>
    [isNumber ? 'number' : '', isMinor ? 'minor' : ''].join(' ').trim()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class={isStacked ? 'table stacked' : 'table'} tabIndex={0} aria-label={caption}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.title} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.title} class={classOf(column)} data-title={column.title}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
