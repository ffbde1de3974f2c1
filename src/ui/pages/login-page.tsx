import { useState } from 'preact/hooks'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'

export function LoginPage() {
  const store = useStore()
  const [token, setToken] = useState('')
  const wasRefused = store.token.value !== null

  function submit(event: Event): void {
    event.preventDefault()
    if (token.trim() !== '') store.login(token.trim())
  }

  return (
    <form class="login panel" onSubmit={submit}>
      <PageTitle title="Log in" />
      <p class="quiet">
        This host asks who you are. Make a token there with <code>crosspool token create</code>, and
        enter it here. It is kept for this tab alone.
      </p>
      <label class="field">
        API token
        <input
          type="password"
          name="token"
          autocomplete="current-password"
          required
          value={token}
          aria-describedby="token-problem"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <p id="token-problem" role="alert" class="problem">
        {wasRefused && 'This token was refused: it may be mistyped, expired or revoked.'}
      </p>
      <button type="submit" class="primary">
        Log in
      </button>
    </form>
  )
}
