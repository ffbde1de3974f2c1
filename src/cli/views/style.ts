import { styleText } from 'node:util'

export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
/** Marks a text for the terminal; plain where there are no colours. */
export type Style = (name: StyleName, text: string) => string

export const plainStyle: Style = (_name, text) => text

export function createStyle(hasColor: boolean): Style {
  // Whether there are colours has been decided; Node would look at the terminal again.
  return hasColor ? (name, text) => styleText(name, text, { validateStream: false }) : plainStyle
}
