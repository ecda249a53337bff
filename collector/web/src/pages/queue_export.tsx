// queue_export: what the page shows as rows for a spreadsheet.
import { useState } from 'preact/hooks';
import { ApiError, PATH, save } from '../api';
import { toLocal } from '../format';
import { Button, errorText } from '../ui';
import { tt } from './queue.text';
import type { Asking } from './queue_subject';

function nameOf({ subject, span, zone }: Asking): string {
  const what = [subject.site ?? subject.group ?? 'all', subject.queue].filter(Boolean).join('-');
  const day = (ms: number) => toLocal(ms, zone.zone);
  return `ringside-kpi-${what.replace(/[^\p{L}\p{N}._-]+/gu, '_')}-${day(span.from_ms)}-${day(span.to_ms - 1)}.csv`;
}

export function ExportButton({ asking, by }: { asking: Asking; by: string }) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const run = async () => {
    setBusy(true);
    setFailed(null);
    try {
      await save(PATH.export, { ...asking.params, by }, nameOf(asking));
    } catch (error) {
      setFailed(error instanceof ApiError ? errorText(error) : String(error));
    }
    setBusy(false);
  };
  return (
    <>
      <Button onClick={() => void run()} disabled={busy}>
        {busy ? tt('exporting') : tt('exportCsv')}
      </Button>
      {failed && <span role="alert">{tt('exportFailed', { what: failed })}</span>}
    </>
  );
}
