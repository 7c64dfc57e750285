-- Another cluster is another world: a session that finds itself in a clone or a
-- restored dump is paused, says why, and waits for an administrator.
SELECT test.workload('cluster', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
CREATE FUNCTION test.reason(session uuid) RETURNS text
LANGUAGE sql
AS $$ SELECT regexp_replace(test.status($1), '\d+', 'N', 'g') $$;

SELECT test.start('clone', :workload, 2) AS sid \gset
CALL test.drive(:'sid');
UPDATE federated.sessions SET system_identifier = 42 WHERE id = :'sid';
-- no task is given before somebody has noticed, either
SELECT test.run_as('regress_a', format('SELECT federated_next_task(%L)', :'sid')) IS NULL AS no_task;
CALL test.drive(:'sid');
SELECT test.reason(:'sid');
SELECT kind, regexp_replace(detail ->> 'reason', '\d+', 'N', 'g') AS reason FROM federated.events WHERE session_id = :'sid' ORDER BY id DESC LIMIT 1;
SELECT ok, regexp_replace(detail, '\d+', 'N') AS detail, hint FROM federated.health() WHERE "check" = 'cluster';
SELECT federated.advance(:'sid') IS NULL AS waits;

-- its creator cannot decide that the other cluster is gone; an administrator can
SELECT test.try('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT test.outcome('regress_admin', format('SELECT federated_resume_session(%L)', :'sid')), test.reason(:'sid');
SELECT system_identifier = (SELECT system_identifier FROM pg_control_system()) AS here FROM federated.sessions WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');

-- The same cluster, another database: CREATE DATABASE … TEMPLATE
UPDATE federated.sessions SET database_oid = 1 WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.reason(:'sid');
SELECT test.outcome('regress_creator', format('SELECT federated_resume_session(%L)', :'sid')) AS creator, test.outcome('regress_admin', format('SELECT federated_resume_session(%L)', :'sid')) AS admin;

-- Another timeline of the same cluster goes on, and nobody was silent meanwhile
UPDATE federated.sessions SET timeline = timeline + 1 WHERE id = :'sid';
SELECT test.silence('ab', :'sid');
CALL test.drive(:'sid');
SELECT test.reason(:'sid'), test.tasks(:'sid');
SELECT kind FROM federated.events WHERE session_id = :'sid' ORDER BY id DESC LIMIT 1;

-- One that still recruits is paused as well
SELECT test.start('recruiting clone', :workload, 2, '{"min_participants": 9}') AS other \gset
UPDATE federated.sessions SET system_identifier = 42 WHERE id = :'other';
CALL test.drive(:'other');
SELECT test.reason(:'other');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', id)) FROM federated.sessions WHERE id IN (:'sid', :'other');
SELECT test.wake('ab');

-- What the operator is told, when all is well
SELECT "check", ok FROM federated.health() WHERE "check" IN ('cluster', 'storage', 'retired tables', 'wal') ORDER BY 1;
