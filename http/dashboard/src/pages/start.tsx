// Start a session.
import { useEffect, useState } from 'preact/hooks';
import { listAlgorithms, listConfigKeys, listWorkloads } from '../calls';
import { Alert } from '../components/alert';
import { PageTitle } from '../components/page-title';
import { StartForm, type Schema } from '../components/start-form';
import { Link, sessionsPath } from '../route';

function useSchema(): { schema: Schema | undefined; error: unknown } {
  const [state, setState] = useState<{ schema: Schema | undefined; error: unknown }>({ schema: undefined, error: undefined });
  useEffect(() => {
    Promise.all([listWorkloads(), listConfigKeys(), listAlgorithms()]).then(
      ([workloads, rules, algorithms]) => setState({ schema: { workloads, rules, algorithms }, error: undefined }),
      (error) => setState({ schema: undefined, error }),
    );
  }, []);
  return state;
}

export function Start() {
  const { schema, error } = useSchema();
  return (
    <>
      <p class="crumb">
        <Link to={sessionsPath()}>Sessions</Link>
      </p>
      <div class="page-head">
        <PageTitle>Start a session</PageTitle>
      </div>
      <Alert error={error} />
      {!schema && !error && <p class="loading">Loading …</p>}
      {schema && schema.workloads.length === 0 && (
        <div class="panel empty">
          <p>There is no workload with a model yet. Import one with “fed model import”.</p>
        </div>
      )}
      {schema && schema.workloads.length > 0 && <StartForm schema={schema} />}
    </>
  );
}
