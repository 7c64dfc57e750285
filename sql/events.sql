-- Events: one for every state change, append-only.
\set SHOW_CONTEXT never
SELECT test.workload('events', 0) AS workload \gset
SELECT test.accept(:workload, 'abc');
SELECT test.start('events', :workload, 2, '{"min_participants": 3, "min_updates": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 10, '{1}', '{"evaluation": {"loss": 3}}');
SELECT test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''busy'')', test.round(:'sid')));
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.submit('b', :'sid', 30, '{1}', '{"evaluation": {"loss": 1}}');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L, ''lunch'')', :'sid')), test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 30, '{1}'), test.submit('c', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.run_as('regress_c', format('SELECT federated_leave(%L, ''goodbye'')', :'sid'));
SELECT test.evaluate('a', :'sid', 10, '{"evaluation": {"loss": 0.5}}'), test.evaluate('b', :'sid', 10, '{"evaluation": {"loss": 0.5}}');
CALL test.drive(:'sid');

-- Who, what, why. The order is that of the rows; what differs from run to run is left out
SELECT CASE actor WHEN session_user THEN 'me' ELSE actor END AS actor, kind,
	   detail - '{version_id,base_version_id,update_id,deadline,config,digest,seconds_paused,version}'::text[] AS detail
FROM federated.events WHERE session_id = :'sid' ORDER BY id;
SELECT count(*) AS events, bool_and(at BETWEEN s.created_at AND clock_timestamp()) AS timed, bool_and(e.at >= before) IS NOT FALSE AS ascending
FROM (SELECT *, lag(at) OVER (ORDER BY id) AS before FROM federated.events WHERE session_id = :'sid') e JOIN federated.sessions s ON s.id = e.session_id GROUP BY s.id;

-- Never changed, never removed: not even by the owner of the table
UPDATE federated.events SET kind = 'nothing' WHERE session_id = :'sid';
DELETE FROM federated.events WHERE session_id = :'sid';
TRUNCATE federated.events;
UPDATE federated.events SET kind = 'nothing' WHERE false;
SELECT role, test.outcome(role, 'INSERT INTO federated.events (actor, kind) VALUES (''x'', ''x'') RETURNING id') AS insert,
	   test.outcome(role, format('SELECT federated.log_event(%L, ''x'')', :'sid')) AS log_event,
	   test.outcome(role, 'DELETE FROM federated.events RETURNING id') AS delete
FROM unnest('{regress_admin,regress_auditor,regress_a}'::text[]) role;

-- The worker's name in an event is not had by calling oneself so
SET application_name = 'federated worker';
SELECT federated.current_actor() = session_user AS still_me;
RESET application_name;
