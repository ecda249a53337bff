import { t } from '../text';
import { Page } from '../ui';

export default function AlertsPage() {
  return <Page title={t('nav.alerts')} />;
}
