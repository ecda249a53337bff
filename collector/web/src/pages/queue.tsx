import { Page } from '../ui';

export default function QueuePage({ queue, site }: { queue: string; site?: string }) {
  return <Page title={site ? site + ' · ' + queue : queue} />;
}
