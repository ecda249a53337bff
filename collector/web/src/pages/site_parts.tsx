// site_parts: what the pages of one site and of one queue share.
import { Link, Page } from '../ui';
import { tt } from './queue.text';
import type { Subject } from './queue_subject';

export function NotThere({ title, what }: { title: string; what: string }) {
  return (
    <Page title={title}>
      <p>{what}</p>
      <p>
        <Link to="/sites">{tt('backToSites')}</Link>
      </p>
    </Page>
  );
}

// Scopes and queues of a comparison are in its address; see compare.tsx.
export function scopeText(subject: Subject): string | null {
  return subject.site ? 'site:' + subject.site : subject.group ? 'group:' + subject.group : null;
}

export function CompareLink({ subject }: { subject: Subject }) {
  const scope = scopeText(subject);
  const queue = subject.queue ?? null;
  return (
    <Link class="button button-plain" to="/compare" set={{ ascope: scope, bscope: scope, aqueue: queue, bqueue: queue }}>
      {tt('compare')}
    </Link>
  );
}
