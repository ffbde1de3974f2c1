import type { Ownership } from '../../model/ownership.ts'
import type { Style } from './style.ts'

/** One paragraph for each VM: what is the matter, why, and what would settle it. */
export function ownershipsView(ownerships: readonly Ownership[], style: Style): string {
  if (ownerships.length === 0)
    return 'Nothing is open: every VM that was ever handed over is settled.'
  return ownerships.map((ownership) => paragraph(ownership, style)).join('\n\n')
}

function paragraph(ownership: Ownership, style: Style): string {
  const { vm, name, epoch, state, settled, explanation, decides, decisions } = ownership
  const title = `${name ?? vm}  ${state} at epoch ${epoch}`
  return [
    settled ? title : style('yellow', title),
    `  ${explanation}.`,
    ...(decides === null ? [] : [`  What decides: ${decides}.`]),
    ...decisions.map(
      (decision) => `  You can decide: crosspool recover ${name ?? vm} --${decision} --sure`,
    ),
  ].join('\n')
}
