// What the server answers; see the manual's chapters on the session document and the views.

export type Metrics = Record<string, number>;

export type SessionStatus = 'recruiting' | 'training' | 'paused' | 'completed' | 'failed' | 'cancelled';
export type ParticipantStatus = 'invited' | 'training' | 'gradient_sent' | 'dropped' | 'completed';

export interface SessionRow {
  id: string;
  name: string;
  status: SessionStatus;
  current_round: number;
  total_rounds: number;
  workload: string;
  owner: string;
  reason: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface Participant {
  host_id: string;
  status: ParticipantStatus;
  rounds_completed: number | null; // null where it would tell who was drawn
  total_samples: number | null; // null where nobody knows
  reason: string | null;
  last_seen: string | null;
  metrics: { evaluation?: Metrics; training?: Metrics } | null;
  contribution?: object | null; // of its last update, where the server has measured it
}

export interface Round {
  round: number;
  kind: 'train' | 'evaluate';
  state: 'open' | 'aggregating' | 'closed' | 'abandoned';
  tasks: number;
  updates: number;
  samples: number | null;
  deadline: string | null;
  opened_at: string;
  closed_at: string | null;
  evaluation: Metrics;
  training: Metrics;
}

export type Config = Record<string, unknown>;

export interface Session extends SessionRow {
  participants: Participant[];
  workload_id: number;
  config: Config;
  base_version: number | null;
  result_version: number | null;
  last_error: string | null;
  rounds: Round[];
  credits?: SessionCredits | null; // null where it costs nothing
  privacy?: SessionPrivacy;
  secure_aggregation?: SecureAggregation | null; // null where updates are not masked
}

// Of secure aggregation, with where the newest attempt stands.
export interface SecureAggregation {
  mode: string;
  weights?: string | null;
  metrics?: string | null;
  round?: number | null;
  attempt?: number | null;
  state?: string | null;
  islands?: number | null;
  threshold?: number | null;
  coordinator_learns?: string[] | null;
}

// A try to sum the masked updates of a round. Counts are missing where only the session document is known.
export interface SecaggAttempt {
  round: number;
  kind: Round['kind'];
  attempt: number;
  state: string;
  mode: string;
  n: number | null; // Islands, once all keys are in
  t: number | null; // of them needed to the end
  advertised?: number;
  shared?: number;
  committed?: number;
  agreed?: number;
  revealed?: number;
  deadline: string | null;
  reason: string | null;
  began_at?: string;
  ended_at?: string | null;
}

// What Islands have bound themselves to; null where it is not fixed yet.
export type SecaggHashes = Record<'base' | 'c0' | 'ctx' | 'sets', string | null>;

// Of differential privacy; mode "none" has a statement and nothing else.
export interface SessionPrivacy {
  mode: string;
  statement: string;
  warning?: string | null;
  notices?: string[] | null;
  epsilon?: number;
  epsilon_budget?: number | null;
  planned_epsilon?: number | null;
  delta?: number | null;
  method?: string | null;
  rounds?: number;
  noise_multiplier?: number;
  clip_norms?: number[] | null;
  noise_std_mean?: number | null;
  most_by_participant?: number | null;
  insecure_seed?: boolean;
  honest_updates?: number | null; // of a sum, whose noise is counted on
  max_colluding?: number | null;
  secagg_mode?: string | null;
  outside_epsilon?: string[] | null;
  coordinator_sees?: string;
}

export interface ParticipantPrivacy {
  host_id: string;
  rounds: number;
  epsilon: number | null; // null: not for the caller
}

export interface SessionCredits {
  reserved: number;
  paid: number;
  refunded: number;
  left: number;
}

export interface Price {
  per_round?: number;
  per_thousand_samples?: number;
  max_samples?: number;
  contribution_pool?: number;
  contribution?: string;
}

export interface Earning {
  host_id: string;
  updates: number;
  credits: number;
}

export interface Balance {
  account_id: number;
  kind: string;
  holder: string;
  credits: number;
}

export interface StatementLine {
  entry_id: number;
  at: string;
  kind: string;
  session_id: string | null;
  round: number | null;
  host_id: string | null;
  credits: number;
  balance: number;
  note: string | null;
}

export interface Contribution {
  round: number;
  host_id: string;
  cosine: number | null;
  norm_share: number | null;
  leave_one_out: number | null;
}

export interface Workload {
  id: number;
  name: string;
  current_version: number | null;
}

export interface Version {
  version_id: number;
  version: number;
  status: string;
  current: boolean;
  metrics: Metrics;
  parameters: number;
  created_at: string;
  published_at: string | null;
  tags: string[];
  session_id: string | null;
  provenance: { base_version?: number | null };
}

// One line of the answer of verify_events.
export interface ChainVerdict {
  ok: boolean;
  verified: number;
  position: number | null;
  event_id: number | null;
  problem: string | null;
}

export interface FedEvent {
  id: number;
  at: string;
  actor: string;
  kind: string;
  detail: Record<string, unknown>;
}

export interface ConfigKey {
  key: string;
  type: 'integer' | 'number' | 'boolean' | 'text' | 'object';
  minimum: number | null;
  exclusive: boolean;
  maximum: number | null;
  choices: string[] | null;
  default_value: unknown;
  description: string;
}

export interface Algorithm {
  name: string;
  settings: Config;
  description: string;
}

export interface EligibleIsland {
  host_id: string;
  eligible: boolean;
  reason: string | null;
}

export const ACTIVE: readonly SessionStatus[] = ['recruiting', 'training', 'paused'];

export const isActive = (session: { status: SessionStatus }): boolean => ACTIVE.includes(session.status);
