import { useEffect, useRef, useState } from 'preact/hooks';
import { session, signIn } from './api';
import { useStore } from './store';
import { t } from './text';
import { Button } from './ui';

export function SignIn() {
  const { refused } = useStore(session);
  const [token, setToken] = useState('');
  const [keep, setKeep] = useState(false);
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = t('session.title') + ' · ' + t('app.name');
    field.current?.focus();
  }, []);
  const enter = (event: Event) => {
    event.preventDefault();
    const text = token.trim();
    if (text) signIn(text, keep);
    else {
      setMissing(true);
      field.current?.focus();
    }
  };
  const message = missing ? t('session.needed') : refused ? t('session.refused') : '';
  return (
    <main class="signin" id="content">
      <form class="panel signin-form" onSubmit={enter} noValidate>
        <h1>{t('session.title')}</h1>
        <p class="lead" id="signin-lead">
          {t('session.lead')}
        </p>
        <p class="signin-message" role="alert" id="signin-message">
          {message}
        </p>
        <label class="field">
          <span class="field-label">{t('session.token')}</span>
          <input
            ref={field}
            type="password"
            name="token"
            autocomplete="off"
            spellcheck={false}
            value={token}
            aria-invalid={message ? 'true' : undefined}
            aria-describedby="signin-lead signin-message"
            onInput={(event) => {
              setToken(event.currentTarget.value);
              setMissing(false);
            }}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
          <span>{t('session.remember')}</span>
        </label>
        <Button type="submit" tone="primary">
          {t('session.enter')}
        </Button>
      </form>
    </main>
  );
}
