// queue_tiles: the figures of a period as tiles, each ratio with what made it.
import type { KpiRow, Missing } from '../api';
import { dur, int, pct } from '../format';
import { levelFormula } from '../levels';
import { lang, t } from '../text';
import { Formula, Tile, Tiles, Value, type Tone } from '../ui';
import { tt } from './queue.text';

interface FigureTilesProps {
  row: KpiRow;
  missing: Missing;
  zone: string;
  target: number;
}

function levelTone(value: number | null, target: number): Tone | undefined {
  return value === null ? undefined : value >= target ? 'ok' : 'bad';
}

export function levelText(row: KpiRow): string {
  const { method, threshold_s } = row.service_level;
  return levelFormula(method, lang.get(), threshold_s * 1000, null);
}

export function FigureTiles({ row, missing, zone, target }: FigureTilesProps) {
  const marks = { missing, zone };
  const level = row.service_level;
  return (
    <div class="tight">
    <Tiles label={tt('figures')}>
      <Tile
        label={t('f.service_level')}
        value={<Value v={level.value} f={pct} />}
        tone={levelTone(level.value, target)}
        sub={
          <>
            {t('f.target')} {pct(target, 0)} · <Formula text={`${levelText(row)} (${level.method})`} />
          </>
        }
        {...marks}
      />
      <Tile label={t('f.entered')} value={int(row.entered)} {...marks} />
      <Tile label={t('f.answered')} value={int(row.answered)} {...marks} />
      <Tile label={t('f.abandoned')} value={int(row.abandoned)} sub={tt('ofWhichShort', { n: row.abandoned_short })} {...marks} />
      <Tile label={t('f.abandon_rate')} value={<Value v={row.abandon_rate} f={pct} />} sub={<Formula text={tt('abandonFormula')} />} {...marks} />
      <Tile label={t('f.asa_ms')} value={<Value v={row.asa_ms} f={dur} />} sub={<Formula text={tt('asaFormula')} />} {...marks} />
      <Tile label={tt('p90')} value={<Value v={row.wait_answered_ms.p90} f={dur} />} sub={<Formula text={tt('p90Formula')} />} {...marks} />
      <Tile label={t('f.aht_ms')} value={<Value v={row.aht_ms} f={dur} />} sub={<Formula text={tt('ahtFormula')} />} {...marks} />
    </Tiles>
    </div>
  );
}
