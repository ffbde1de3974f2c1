import type { Command } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** Things that the daemons know by name. */
export const nameKinds = ['vms', 'vdis', 'srs', 'hosts', 'operations', 'replications'] as const
export type NameKind = (typeof nameKinds)[number]

interface Word {
  readonly text: string
  readonly description: string
}

/** What can follow `path`, the words of a command without options. */
interface Place {
  readonly path: string
  readonly words: readonly Word[]
  /** Names of these are asked for. */
  readonly kinds: readonly NameKind[]
  /** What an option of it wants after itself, as far as it has a name. */
  readonly values: readonly { readonly option: string; readonly kinds: readonly NameKind[] }[]
}

/** What an argument is a name of, by what it is called in the help: <vm>, [vm|operation], ... */
function kindsOf(argument: string): readonly NameKind[] {
  return argument.split('|').flatMap((part) => nameKindsByArgument[part] ?? [])
}

const nameKindsByArgument: Readonly<Record<string, NameKind>> = {
  ...{ vm: 'vms', vdi: 'vdis', sr: 'srs', host: 'hosts', destination: 'hosts' },
  ...{ operation: 'operations', replication: 'replications' },
}

/** The script that a shell loads, made from the command tree. For names it asks the daemons, by `complete`. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program)
  switch (shell) {
    case 'bash':
      return bash(program.name(), places)
    case 'zsh':
      return zsh(program.name(), places)
    case 'fish':
      return fish(program, program.name(), places)
  }
}

function placesOf(program: Command): readonly Place[] {
  const globals = optionWords(program)
  const visit = (command: Command, path: string): Place[] => {
    const children = visibleChildren(command)
    const words = [
      ...children.map((child) => ({
        text: child.name(),
        description: firstLine(child.summary() || child.description()),
      })),
      ...choicesOf(command),
      ...(command === program ? [] : optionWords(command)),
      ...globals,
    ]
    const [argument] = command.registeredArguments
    const kinds = argument ? kindsOf(argument.name()) : []
    return [
      { path, words, kinds, values: valuesOf(command) },
      ...children.flatMap((child) => visit(child, `${path} ${child.name()}`.trim())),
    ]
  }
  return visit(program, '')
}

/** Without those that only programs call. */
export function visibleChildren(command: Command): readonly Command[] {
  const visible = command.createHelp().visibleCommands(command)
  return visible.filter((child) => child.name() !== 'help')
}

function valuesOf(command: Command): Place['values'] {
  return command.options.flatMap(({ long, flags }) => {
    const kinds = kindsOf(/<([^>]+)>/.exec(flags)?.[1] ?? '')
    return long && kinds.length > 0 ? [{ option: long, kinds }] : []
  })
}

function choicesOf(command: Command): Word[] {
  return command.registeredArguments.flatMap(({ argChoices = [] }) =>
    argChoices.map((text) => ({ text, description: '' })),
  )
}

function optionWords(command: Command): Word[] {
  const words = command.options.map(({ long, description }) => ({ text: long ?? '', description }))
  return [...words, { text: '--help', description: 'print the help' }].filter(
    ({ text }) => text !== '',
  )
}

const firstLine = (text: string) => text.split('\n')[0] ?? ''
const texts = (words: readonly Word[]) => words.map(({ text }) => text).join(' ')

/** The words of the line that are commands: what begins with - is no part of the path. */
function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, words, kinds }) => {
    const asked = kinds.length > 0 ? ` kinds='${kinds.join(' ')}'` : ''
    return `    '${path}') words='${texts(words)}'${asked} ;;`
  })
  return `# ${name} completion bash; to load: source <(${name} completion bash)
_${name}() {
  local path='' word words='' kinds='' candidate current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    candidate="\${path:+$path }$word"
    case "$candidate" in
${pathCases(places, (path) => `'${path}') path="$candidate" ;;`)}
    esac
  done
  case "$path \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(places, (line, kinds) => `'${line}') kinds='${kinds}' ;;`)}
    *) case "$path" in
${cases.join('\n')}
    esac ;;
  esac
  local IFS=$'\n' found
  words="\${words// /$'\n'}"
  case "$current" in
    -*) ;;
    *) [ -z "$kinds" ] || words="$words"$'\n'"$(IFS=' '; ${name} complete $kinds 2>/dev/null)" ;;
  esac
  COMPREPLY=()
  for found in $(compgen -W "$words" -- "$current"); do
    COMPREPLY+=("$(printf '%q' "$found")")
  done
}
complete -o default -F _${name} ${name}
`
}

const pathCases = (places: readonly Place[], write: (path: string) => string) =>
  places
    .filter(({ path }) => path !== '')
    .map(({ path }) => `      ${write(path)}`)
    .join('\n')

const valueCases = (places: readonly Place[], write: (line: string, kinds: string) => string) =>
  places
    .flatMap(({ path, values }) =>
      values.map(({ option, kinds }) => `    ${write(`${path} ${option}`, kinds.join(' '))}`),
    )
    .join('\n')

function zsh(name: string, places: readonly Place[]): string {
  const escaped = (text: string) => text.replace(/'/g, "'\\''").replace(/:/g, '\\:')
  const cases = places.map(({ path, words, kinds }) => {
    const described = words.map(
      ({ text, description }) => `'${escaped(text)}:${escaped(description)}'`,
    )
    const asked = kinds.length > 0 ? ` kinds=(${kinds.join(' ')})` : ''
    return `    '${path}') words_here=(${described.join(' ')})${asked} ;;`
  })
  return `#compdef ${name}
# ${name} completion zsh; to load: source <(${name} completion zsh)
_${name}() {
  local place='' word candidate
  local -a words_here kinds names
  for word in "\${(@)words[2,CURRENT-1]}"; do
    candidate="\${place:+$place }$word"
    case "$candidate" in
${pathCases(places, (path) => `'${path}') place="$candidate" ;;`)}
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${valueCases(places, (line, kinds) => `'${line}') kinds=(${kinds}) ;;`)}
    *) case "$place" in
${cases.join('\n')}
    esac ;;
  esac
  if [[ $#kinds -gt 0 && "\${words[CURRENT]}" != -* ]]; then
    names=("\${(@f)$(${name} complete $kinds 2>/dev/null)}")
    compadd -a names
  fi
  _describe '${name}' words_here || _default
}
compdef _${name} ${name}
`
}

function fish(program: Command, name: string, places: readonly Place[]): string {
  const globals = new Set(optionWords(program).map(({ text }) => text))
  const lines = places.flatMap(({ path, words, kinds, values }) => {
    const here = ` -n ${quote(`__${name}_at ${quote(path)}`)}`
    const named = (asked: readonly string[]) =>
      quote(`(${name} complete ${asked.join(' ')} 2>/dev/null)`)
    const own = words
      .filter(({ text }) => path === '' || !globals.has(text))
      .map(({ text, description }) => {
        const when = path === '' && globals.has(text) ? '' : here
        const value = values.find(({ option }) => option === text)
        const wanted = value ? ` -x -a ${named(value.kinds)}` : ''
        const what = text.startsWith('--') ? `-l ${text.slice(2)}${wanted}` : `-a ${quote(text)}`
        return `complete -c ${name}${when} ${what} -d ${quote(firstLine(description))}`
      })
    return kinds.length > 0 ? [...own, `complete -c ${name}${here} -a ${named(kinds)}`] : own
  })
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `# ${name} completion fish; to load: ${name} completion fish | source
function __${name}_at
    set -l place ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        set -l candidate (string trim -- "$place $word")
        if contains -- $candidate ${paths.join(' ')}
            set place $candidate
        end
    end
    test "$place" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`
}

const quote = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
