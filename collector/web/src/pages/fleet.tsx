import { t } from '../text';
import { Page } from '../ui';

export default function FleetPage() {
  return <Page title={t('nav.fleet')} />;
}
