// One metric by round: evaluation and training as lines that differ in dash and
// mark too, with a table of the same values.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { formatMetric, humanize } from '../format';
import { describeChart, type MetricRow } from '../metrics';

const HEIGHT = 200;
const MOST_ROWS = 500;
const SERIES = ['evaluation', 'training'] as const;

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const columns = (rows: MetricRow[]): uPlot.AlignedData => [
  rows.map((row) => row.round),
  rows.map((row) => row.evaluation),
  rows.map((row) => row.training),
];

function options(width: number, onCursor: (index: number | null) => void): uPlot.Options {
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { x: { time: false } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000, 50000, 100000], size: 28 },
      // as wide as its longest label
      { ...axis, size: (_plot, labels) => 16 + 7.5 * Math.max(0, ...(labels ?? []).map((label) => label.length)) },
    ],
    series: [
      {},
      { stroke: colour('--evaluation'), width: 2, spanGaps: true, points: { size: 6, fill: colour('--evaluation') } },
      { stroke: colour('--training'), width: 2, dash: [6, 4], spanGaps: true, points: { size: 6, fill: colour('--panel') } },
    ],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

// The plot lives as long as its element, and is made anew when colours change.
function usePlot(rows: MetricRow[], onCursor: (index: number | null) => void) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef(rows);
  data.current = rows;

  useEffect(() => {
    const place = element.current!;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(place.clientWidth, onCursor), columns(data.current), place);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const size = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: HEIGHT }));
    dark.addEventListener('change', draw);
    size.observe(place);
    return () => {
      dark.removeEventListener('change', draw);
      size.disconnect();
      plot.current?.destroy();
    };
  }, []);

  const text = JSON.stringify(rows);
  useEffect(() => plot.current?.setData(columns(rows)), [text]);
  return element;
}

function Legend({ rows, at }: { rows: MetricRow[]; at: number | null }) {
  return (
    <ul class="legend">
      {SERIES.map((part) => {
        const last = rows.findLast((row) => row[part] !== null);
        if (!last) return null;
        const value = (at === null ? last : rows[at])?.[part] ?? null;
        return (
          <li key={part}>
            <svg class={`sample ${part}`} viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
              <path d="M0 4h24" />
              <circle cx="12" cy="4" r="2.5" />
            </svg>
            {humanize(part)} {value === null ? '–' : <strong>{formatMetric(value)}</strong>}
          </li>
        );
      })}
      {at !== null && rows[at] && <li class="muted">after round {rows[at].round}</li>}
    </ul>
  );
}

function Values({ name, rows }: { name: string; rows: MetricRow[] }) {
  const [open, setOpen] = useState(false);
  const shown = rows.slice(-MOST_ROWS);
  const cell = (value: number | null) => (value === null ? '–' : formatMetric(value));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Values of {name} as a table</summary>
      {open && (
        <table class="values">
          <caption>
            {humanize(name)} of the model after each round{shown.length < rows.length && `, the last ${MOST_ROWS} of ${rows.length}`}
          </caption>
          <thead>
            <tr>
              <th scope="col">After round</th>
              <th scope="col">Evaluation</th>
              <th scope="col">Training</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.round}>
                <th scope="row">{row.round}</th>
                <td>{cell(row.evaluation)}</td>
                <td>{cell(row.training)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

export function Chart({ name, rows }: { name: string; rows: MetricRow[] }) {
  const [at, setAt] = useState<number | null>(null);
  const place = usePlot(rows, setAt);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{humanize(name)}</h3>
        <Legend rows={rows} at={at} />
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={describeChart(name, rows)} />
      <Values name={name} rows={rows} />
    </figure>
  );
}
