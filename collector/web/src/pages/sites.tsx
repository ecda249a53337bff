import { t } from '../text';
import { Page } from '../ui';

export default function SitesPage() {
  return <Page title={t('nav.sites')} />;
}
