// Sessions with secure aggregation, and what no request can do to them.
import { expect } from '@playwright/test';
import { sql } from './env';

// All Islands have identities: a session is of mode active unless it says otherwise.
export const MASKED = {
  secure_aggregation: true,
  min_participants: 3,
  secagg_range: 4,
  secagg_sample_cap: 2000,
  secagg_metric_bounds: { evaluation: { accuracy: 1, loss: 10 } },
};

// Islands without an identity, with which a session is of mode semi_honest; nobody runs them, so that
// it stays where it is. Those that run would refuse it.
export const UNATTENDED = 'unattended';
export const SEMI_HONEST = { secure_aggregation: true, min_participants: 3, heartbeat_timeout: 3600 };

// A model of two parameters.
function smallModel(): string {
  const header = Buffer.from('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.padEnd(56));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(8)]).toString('hex');
}

export function addUnattended(): void {
  if (sql(`SELECT count(*) FROM federated.workloads WHERE name = '${UNATTENDED}'`) === '0') {
    sql(`SELECT federated_import_model(federated_create_workload('${UNATTENDED}'), '\\x${smallModel()}')`);
    for (const n of [1, 2, 3]) sql(`CREATE ROLE unattended_${n} IN ROLE federated_island; SELECT federated_register_island('unattended-${n}', role_name => 'unattended_${n}')`);
  }
  for (const n of [1, 2, 3]) {
    sql(`SET SESSION AUTHORIZATION unattended_${n};
      SELECT federated_accept_workload(id) FROM federated.workloads WHERE name = '${UNATTENDED}'; SELECT federated_heartbeat()`);
  }
}

const newest = (id: string, column: string): string =>
  sql(`SELECT ${column} FROM federated.secagg_attempts WHERE session_id = '${id}' ORDER BY id DESC LIMIT 1`);

export async function waitForStage(id: string, state: string): Promise<void> {
  await expect.poll(() => newest(id, 'state'), { timeout: 60_000, intervals: [100] }).toBe(state);
}

// Has the attempt of a round given up while its Islands train, as the coordinator does when it has a reason.
export async function tryAgain(id: string, reason: string): Promise<void> {
  await waitForStage(id, 'mask');
  sql(`DO $$
    DECLARE
      session federated.sessions;
      round federated.rounds;
    BEGIN
      SELECT * INTO session FROM federated.sessions s WHERE s.id = '${id}' FOR NO KEY UPDATE;
      SELECT * INTO round FROM federated.rounds r WHERE r.session_id = session.id AND r.state = 'open';
      PERFORM federated.lock_round(round.id);
      PERFORM federated.try_again(session, round, federated.live_attempt(round.id), '${reason}');
    END $$`);
}
