import { dictionary } from '../text';

export const pager = dictionary({
  en: { label: 'Pages of the table', before: 'Previous', next: 'Next' },
  zh: { label: '表格分页', before: '上一页', next: '下一页' },
});
