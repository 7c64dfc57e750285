// Sessions, made and ended without the page, for tests that are not about that.
import { expect, type APIRequestContext } from '@playwright/test';
import { env } from './env';

const API = '/api/v1/federated';
const headers = { Authorization: `Bearer ${env.tokens.creator}` };

export async function workloadId(request: APIRequestContext, name = env.workload): Promise<number> {
  const answer = await request.get(`${API}/workloads`, { headers, params: { name: `eq.${name}` } });
  const rows = (await answer.json()) as { id: number }[];
  expect(rows, `workload ${name}`).toHaveLength(1);
  return rows[0]!.id;
}

export interface SessionDocument {
  workload_id: number;
  result_version: number | null;
  credits: { reserved: number; paid: number; refunded: number; left: number } | null;
  id: string;
  status: string;
  current_round: number;
}

export async function startSession(
  request: APIRequestContext,
  name: string,
  rounds: number,
  config: object,
  workload = env.workload,
): Promise<SessionDocument> {
  const data = { name, base_workload_id: await workloadId(request, workload), total_rounds: rounds, config };
  const answer = await request.post(`${API}/sessions`, { headers, data });
  expect(answer.status(), await answer.text()).toBe(201);
  return (await answer.json()) as SessionDocument;
}

export async function getSession(request: APIRequestContext, id: string): Promise<SessionDocument> {
  const answer = await request.get(`${API}/sessions/${id}`, { headers });
  return (await answer.json()) as SessionDocument;
}

// Also when it has ended by itself: the next test has the Islands for itself.
export async function cancelSession(request: APIRequestContext, id: string): Promise<void> {
  const answer = await request.post(`${API}/sessions/${id}/cancel`, { headers, data: { reason: 'end of the test' } });
  expect([200, 409]).toContain(answer.status());
}

export async function waitForStatus(request: APIRequestContext, id: string, status: string): Promise<void> {
  await expect.poll(async () => (await getSession(request, id)).status, { timeout: 90_000 }).toBe(status);
}

export async function currentVersion(request: APIRequestContext): Promise<number> {
  const answer = await request.get(`${API}/workloads`, { headers, params: { name: `eq.${env.workload}`, select: 'current_version' } });
  return ((await answer.json()) as { current_version: number }[])[0]!.current_version;
}

export async function rollBack(request: APIRequestContext, version: number): Promise<void> {
  const answer = await request.post('/rpc/rollback', { headers, data: { workload_id: await workloadId(request), version } });
  expect(answer.status(), await answer.text()).toBe(200);
}

// Runs until it is cancelled; epochs make a round last long enough to be seen.
export const LONG = { rounds: 100_000, config: { local_epochs: 50, min_participants: 2 } };
