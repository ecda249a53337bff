// Silences a rule for a while, at one site or at all.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, PATH, send } from '../api';
import { iso } from '../format';
import { t } from '../text';
import { Button, Field, Select, errorText } from '../ui';
import { tt } from './alerts.text';

export interface MuteWish {
  rule: string;
  site: string | null;
}

interface MuteFormProps {
  wish: MuteWish;
  done: (said: string) => void;
  cancel: () => void;
}

const HOURS = [1, 2, 4, 8, 24, 72, 168];

export function MuteForm({ wish, done, cancel }: MuteFormProps) {
  const [where, setWhere] = useState<'site' | 'all'>(wish.site ? 'site' : 'all');
  const [hours, setHours] = useState('2');
  const [why, setWhy] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>('select')?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const until = iso(Date.now() + Number(hours) * 3_600_000);
      await send(PATH.mute, { rule: wish.rule, site: where === 'site' ? (wish.site ?? '') : '', until, why: why.trim() });
      done(tt('muteDone', { rule: wish.rule }));
    } catch (problem) {
      setError(problem instanceof ApiError ? problem.what || errorText(problem) : String(problem));
      setBusy(false);
    }
  };
  return (
    <form class="mute" ref={form} onSubmit={(event) => void submit(event)} onKeyDown={(event) => event.key === 'Escape' && cancel()}>
      <h3>{tt('muteTitle', { rule: wish.rule })}</h3>
      <div class="controls">
        <Select
          label={tt('muteWhere')}
          value={where}
          onChange={setWhere}
          options={[
            ...(wish.site ? [{ value: 'site' as const, label: tt('muteSite', { site: wish.site }) }] : []),
            { value: 'all' as const, label: tt('muteAll') },
          ]}
        />
        <Select
          label={tt('muteFor')}
          value={hours}
          onChange={setHours}
          options={HOURS.map((n) => ({ value: String(n), label: n < 48 ? tt('muteHours', { n }) : tt('muteDays', { n: n / 24 }) }))}
        />
        <Field label={tt('muteWhy')}>
          <input type="text" maxLength={200} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
        </Field>
        <Button type="submit" tone="primary" disabled={busy}>
          {tt('muteNow')}
        </Button>
        <Button onClick={cancel}>{t('cancel')}</Button>
      </div>
      <p class="signin-message" role="alert">
        {error}
      </p>
    </form>
  );
}
