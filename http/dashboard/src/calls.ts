// The calls that the dashboard makes, by their paths.
import { get, getFile, post } from './api';
import type {
  Algorithm,
  Balance,
  ChainVerdict,
  ConfigKey,
  Contribution,
  Earning,
  EligibleIsland,
  FedEvent,
  ParticipantPrivacy,
  SecaggAttempt,
  SecaggHashes,
  Session,
  SessionRow,
  StatementLine,
  Version,
  Workload,
} from './types';

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

// The nodes of the lineage that people know, the newest first: published ones, and of those between rounds the tagged ones.
export const listPublished = (workloadId: number, limit: number, signal: AbortSignal): Promise<Version[]> =>
  get(`${API}/versions`, { query: { workload_id: `eq.${workloadId}`, published_at: 'not.is.null', order: 'version.desc', limit }, signal });

export const listTagged = (workloadId: number, signal: AbortSignal): Promise<Version[]> =>
  get(`${API}/versions`, { query: { workload_id: `eq.${workloadId}`, published_at: 'is.null', tags: 'neq.{}', order: 'version.desc' }, signal });

export const workloadOwner = async (workloadId: number, signal: AbortSignal): Promise<string | undefined> =>
  (await get<{ owner: string }[]>(`${API}/workloads`, { query: { id: `eq.${workloadId}`, select: 'owner' }, signal }))[0]?.owner;

export const rollBack = (workloadId: number, version: number): Promise<Version> =>
  post('/rpc/rollback', JSON.stringify({ workload_id: workloadId, version }));

export const verifyEvents = (sessionId: string): Promise<ChainVerdict[]> =>
  get('/rpc/verify_events', { query: { session_id: sessionId }, timeout: 120_000 });

export const listEarnings = (sessionId: string, signal: AbortSignal): Promise<Earning[]> =>
  get(`${API}/earnings`, { query: { session_id: `eq.${sessionId}`, order: 'host_id' }, signal });

export const listBudgetWarnings = (sessionId: string, signal: AbortSignal): Promise<FedEvent[]> =>
  get(`${API}/events`, { query: { session_id: `eq.${sessionId}`, kind: 'eq.budget_low', order: 'id.desc', limit: 1 }, signal });

// Escrows belong to sessions, whose pages show them.
export const listBalances = (signal: AbortSignal): Promise<Balance[]> =>
  get(`${API}/balances`, { query: { kind: 'in.(owner,island)', order: 'kind.desc,holder', limit: 1000 }, signal });

export const listStatement = (accountId: number, limit: number, signal: AbortSignal): Promise<StatementLine[]> =>
  get(`${API}/statements`, { query: { account_id: `eq.${accountId}`, order: 'entry_id.desc', limit }, signal });

// What was spent with each round, the newest first.
export const listCharges = (sessionId: string, limit: number, signal: AbortSignal): Promise<FedEvent[]> =>
  get(`${API}/events`, { query: { session_id: `eq.${sessionId}`, kind: 'eq.privacy_charged', order: 'id.desc', limit }, signal });

export const listParticipantPrivacy = (sessionId: string, signal: AbortSignal): Promise<ParticipantPrivacy[]> =>
  get(`${API}/participant_privacy`, { query: { session_id: `eq.${sessionId}`, epsilon: 'not.is.null', order: 'host_id' }, signal });

const ATTEMPT = 'round,kind,attempt,state,mode,n,t,advertised,shared,committed,agreed,revealed,deadline,reason,began_at,ended_at';

// The newest first, without their hashes.
export const listAttempts = (sessionId: string, limit: number, signal: AbortSignal): Promise<SecaggAttempt[]> =>
  get(`${API}/secagg_progress`, {
    query: { session_id: `eq.${sessionId}`, order: 'round.desc,attempt.desc', limit, select: ATTEMPT },
    signal,
  });

export const getAttemptHashes = async (sessionId: string, round: number, attempt: number, signal: AbortSignal): Promise<SecaggHashes | undefined> =>
  (
    await get<SecaggHashes[]>(`${API}/secagg_progress`, {
      query: { session_id: `eq.${sessionId}`, round: `eq.${round}`, attempt: `eq.${attempt}`, select: 'base,c0,ctx,sets' },
      signal,
    })
  )[0];

export const listContributions = (sessionId: string, round: number, signal: AbortSignal): Promise<Contribution[]> =>
  get(`${API}/contributions`, { query: { session_id: `eq.${sessionId}`, round: `eq.${round}`, order: 'host_id' }, signal });

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
