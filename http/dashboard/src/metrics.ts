// The rounds' metrics as series. A task evaluates the model that it receives and
// then trains it: the evaluation in round r is about the model after r - 1 rounds.
import { formatMetric } from './format';
import type { Round } from './types';

export interface MetricRow {
  round: number; // rounds of training that the model has had; 0 is the base version
  evaluation: number | null;
  training: number | null;
}

const FIRST = ['loss', 'accuracy'];

export function metricNames(rounds: Round[]): string[] {
  const names = new Set(rounds.flatMap((round) => [...Object.keys(round.evaluation), ...Object.keys(round.training)]));
  const place = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return [...names].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

export function metricRows(rounds: Round[], name: string): MetricRow[] {
  const rows = new Map<number, MetricRow>();
  const rowOf = (round: number): MetricRow => {
    const row = rows.get(round) ?? { round, evaluation: null, training: null };
    rows.set(round, row);
    return row;
  };
  for (const round of rounds) {
    const evaluation = round.evaluation[name];
    const training = round.training[name];
    if (evaluation !== undefined) rowOf(round.kind === 'train' ? round.round - 1 : round.round).evaluation = evaluation;
    if (training !== undefined) rowOf(round.round).training = training;
  }
  return [...rows.values()].sort((a, b) => a.round - b.round);
}

function describeSeries(label: string, rows: MetricRow[], part: 'evaluation' | 'training'): string | null {
  const points = rows.filter((row) => row[part] !== null);
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return null;
  if (first === last) return `${label} ${formatMetric(first[part]!)} after round ${first.round}`;
  return `${label} from ${formatMetric(first[part]!)} after round ${first.round} to ${formatMetric(last[part]!)} after round ${last.round}`;
}

// What the chart shows, for those who do not see it.
export function describeChart(name: string, rows: MetricRow[]): string {
  const parts = [describeSeries('evaluation', rows, 'evaluation'), describeSeries('training', rows, 'training')].filter((part) => part !== null);
  return `Chart of ${name} by round: ${parts.length ? parts.join('; ') : 'no values yet'}.`;
}
