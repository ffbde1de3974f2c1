import type { Tone } from '../views/tones.ts'

const marks: Readonly<Record<Tone, string>> = {
  good: '●',
  busy: '◍',
  warn: '▲',
  bad: '✕',
  quiet: '○',
}

/** A state: its word, with a colour and a mark for those who look. */
export function Badge({ tone, text }: { tone: Tone; text: string }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{marks[tone]}</span> {text}
    </span>
  )
}
