import { t } from '../text';
import { Page } from '../ui';

export default function ComparePage() {
  return <Page title={t('nav.compare')} />;
}
