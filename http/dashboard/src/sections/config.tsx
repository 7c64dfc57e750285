// The config that the session runs with: what was given, completed by defaults.
import { Panel } from '../components/panel';
import { showValue } from '../config-form';
import type { SectionProps } from './section';

export function ConfigList({ session }: SectionProps) {
  const keys = Object.keys(session.config).sort();
  return (
    <Panel id="config" title="Config">
      <dl class="config">
        {keys.map((key) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{showValue(session.config[key])}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
