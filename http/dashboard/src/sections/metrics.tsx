// A chart for each metric that Islands report.
import { Chart } from '../components/chart';
import { Panel } from '../components/panel';
import { metricNames, metricRows } from '../metrics';
import type { SectionProps } from './section';

export function MetricCharts({ session }: SectionProps) {
  const names = metricNames(session.rounds);
  return (
    <Panel id="metrics" title="Metrics" note="Means over the Islands, weighted by samples; evaluation is on data that was not trained on">
      {names.length === 0 && <p class="empty">The first values come with the first round.</p>}
      <div class="charts">
        {names.map((name) => (
          <Chart key={name} name={name} rows={metricRows(session.rounds, name)} />
        ))}
      </div>
    </Panel>
  );
}
