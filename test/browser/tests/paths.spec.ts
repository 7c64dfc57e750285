// The front without a browser: the documented requests literally, through nginx,
// and what it answers by itself.
import { cancelSession } from '../support/api';
import { env } from '../support/env';
import { expect, test } from '../support/fixtures';

const API = '/api/v1/federated';
const as = (role: keyof typeof env.tokens) => ({ Authorization: `Bearer ${env.tokens[role]}` });

test('the three documented requests', async ({ request }) => {
  const [workload] = await (await request.get(`${API}/workloads`, { headers: as('creator'), params: { name: `eq.${env.workload}` } })).json();
  const config = { algorithm: 'fed_avg', local_epochs: 3, learning_rate: 0.001, batch_size: 32, min_participants: 3 };
  const data = { name: 'Customer support fine-tune', base_workload_id: workload.id, total_rounds: 10, config };

  const created = await request.post(`${API}/sessions`, { headers: as('creator'), data });
  expect(created.status()).toBe(201);
  const { id } = await created.json();
  expect(created.headers()['location']).toBe(`${API}/sessions/${id}`);

  const got = await request.get(created.headers()['location']!, { headers: as('creator') });
  expect(got.status()).toBe(200);
  const document = await got.json();
  expect(Object.keys(document).slice(0, 6)).toEqual(['id', 'name', 'status', 'current_round', 'total_rounds', 'participants']);
  expect(document).toMatchObject({ id, name: data.name, total_rounds: 10, config });

  const list = await (await request.get(`${API}/sessions`, { headers: as('viewer'), params: { order: 'created_at.desc' } })).json();
  expect(list.map((session: { id: string }) => session.id)).toContain(id);
  await cancelSession(request, id);
});

test('errors are JSON with the right status', async ({ request }) => {
  const refused: [number, string, string, object][] = [
    [401, 'GET', `${API}/sessions`, {}],
    [401, 'PUT', `${API}/updates/1/slices/0`, { data: 'x' }],
    [401, 'POST', '/rpc/enroll', { data: {} }],
    [401, 'GET', '/metrics', {}],
    [403, 'POST', `${API}/sessions`, { headers: as('viewer'), data: { name: 'x', base_workload_id: 1, total_rounds: 1 } }],
    [400, 'POST', `${API}/sessions`, { headers: as('creator'), data: { name: 'x', base_workload_id: 1, total_rounds: 1, config: { learning_rate: -1 } } }],
    [400, 'POST', `${API}/sessions`, { headers: as('creator'), data: { name: 'x' } }],
    [404, 'GET', `${API}/sessions/00000000-0000-4000-8000-000000000000`, { headers: as('creator') }],
    [404, 'GET', '/nothing/here', { headers: as('creator') }],
    [405, 'DELETE', `${API}/sessions`, { headers: as('creator') }],
    [413, 'POST', `${API}/sessions`, { headers: as('creator'), data: { name: 'x'.repeat(100_000) } }],
  ];
  for (const [status, method, path, options] of refused) {
    const answer = await request.fetch(path, { method, ...options });
    expect(answer.status(), `${method} ${path}`).toBe(status);
    expect(Object.keys(await answer.json()).sort(), `${method} ${path}`).toEqual(['code', 'details', 'hint', 'message']);
  }
});

test('who asks too often is told when to come again', async ({ request }) => {
  const enrol = () => request.post('/rpc/enroll', { headers: { Authorization: 'Bearer x.y.z' }, data: {} });
  const answers = await Promise.all(Array.from({ length: 80 }, enrol));
  const limited = answers.find((answer) => answer.status() === 429);
  expect(limited?.headers()['retry-after']).toMatch(/^\d+$/);
  expect(await limited?.json()).toMatchObject({ code: expect.any(String), message: expect.any(String) });
});

test('metrics, the description, and the headers of every page', async ({ request }) => {
  const metrics = await request.get('/metrics', { headers: as('viewer') });
  expect(metrics.headers()['content-type']).toContain('text/plain');
  expect(await metrics.text()).toMatch(/^federated_worker_up 1$/m);
  const described = await (await request.get(`${API}/`, { headers: as('viewer') })).json();
  expect(Object.keys(described.paths)).toContain('/rpc/session');

  for (const path of ['/training/', `${API}/sessions`]) {
    const headers = (await request.get(path, { headers: as('viewer') })).headers();
    expect(headers['content-security-policy'], path).toContain("default-src 'none'");
    expect(headers, path).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(headers['strict-transport-security'], path).toContain('max-age=');
    expect(headers['server'], path).toBe('nginx');
  }
});
