import { t } from '../text';
import { Page } from '../ui';

export default function OverviewPage() {
  return <Page title={t('nav.overview')} />;
}
