import { Page } from '../ui';

export default function SitePage({ id }: { id: string }) {
  return <Page title={id} />;
}
