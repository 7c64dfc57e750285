// The calls that the dashboard makes, by their paths.
import { get, getFile, post } from './api';
import type { Algorithm, ConfigKey, EligibleIsland, FedEvent, Session, SessionRow, Version, Workload } from './types';

const API = '/api/v1/federated';

export interface ListQuery {
  status: string | null;
  limit: number;
}

export const listSessions = ({ status, limit }: ListQuery, signal?: AbortSignal): Promise<SessionRow[]> =>
  get(`${API}/sessions`, {
    query: { order: 'created_at.desc,id', limit, ...(status ? { status: `eq.${status}` } : {}) },
    ...(signal ? { signal } : {}),
  });

// Answers 401 for a token that is not accepted.
export const tryToken = (token: string): Promise<unknown> => get(`${API}/sessions`, { query: { select: 'id', limit: 1 }, token });

export const getSession = (id: string, signal: AbortSignal): Promise<Session> => get(`${API}/sessions/${id}`, { signal });

// The newest first; only those older than `before`, if given.
export const listEvents = (sessionId: string, limit: number, before: number | null, signal?: AbortSignal): Promise<FedEvent[]> =>
  get(`${API}/events`, {
    query: { session_id: `eq.${sessionId}`, order: 'id.desc', limit, ...(before === null ? {} : { id: `lt.${before}` }) },
    ...(signal ? { signal } : {}),
  });

// Those whose weights are there.
export const listVersions = (workloadId: number, limit: number, signal: AbortSignal): Promise<Version[]> =>
  get(`${API}/versions`, { query: { workload_id: `eq.${workloadId}`, status: 'eq.ready', order: 'version.desc', limit }, signal });

export const listWorkloads = (): Promise<Workload[]> =>
  get(`${API}/workloads`, { query: { current_version: 'not.is.null', order: 'name' } });

export const listConfigKeys = (): Promise<ConfigKey[]> => get(`${API}/config_keys`);

export const listAlgorithms = (): Promise<Algorithm[]> => get(`${API}/algorithms`, { query: { order: 'name' } });

export const listEligible = (workloadId: number, signal: AbortSignal): Promise<EligibleIsland[]> =>
  get('/rpc/eligible_islands', { query: { workload_id: workloadId }, signal });

export const createSession = (body: string): Promise<Session> => post(`${API}/sessions`, body);

export type Action = 'pause' | 'resume' | 'cancel';

export const steerSession = (id: string, action: Action, reason: string): Promise<Session> =>
  post(`${API}/sessions/${id}/${action}`, JSON.stringify(reason === '' || action === 'resume' ? {} : { reason }));

export const exportModel = (workloadId: number, version: number): Promise<Blob> =>
  getFile('/rpc/export_model', { workload_id: workloadId, version });
