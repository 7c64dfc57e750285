-- Who may do what, who sees what, and that nothing can be put in between.
\set SHOW_CONTEXT never
SELECT test.wake('abcd');
SELECT test.workload('security', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
SELECT test.start('security', :workload, 1) AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1,1}'), test.submit('b', :'sid', 1, '{1,1}');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
SELECT test.round(:'sid') AS round \gset
SELECT s.current_version_id AS version, u.id AS b_update FROM federated.sessions s, federated.updates u JOIN federated.islands i ON i.id = u.island_id
WHERE s.id = :'sid' AND u.round_id = :round AND i.host_id = 'island-b' AND u.state = 'accepted' \gset
CREATE ROLE regress_ghost LOGIN IN ROLE federated_island;

-- Every public function under every role: * is allowed, - is refused (42501).
-- The arguments are such that a call which is allowed changes nothing.
CREATE TABLE test.calls (function text, query text);
INSERT INTO test.calls VALUES
('federated_create_workload', 'SELECT federated_create_workload('''')'),
('federated_import_model', 'SELECT federated_import_model(0, '''')'),
('federated_export_model', 'SELECT federated_export_model(0)'),
('federated_begin_import', 'SELECT federated_begin_import(0, '''', 0)'),
('federated_put_model_slice', 'SELECT federated_put_model_slice(0, '''', 0, '''', '''')'),
('federated_commit_import', 'SELECT federated_commit_import(0)'),
('federated_model', 'SELECT federated_model(0)'),
('federated_model_header', 'SELECT federated_model_header(0)'),
('federated_model_slice', 'SELECT federated_model_slice(0, 0)'),
('federated_find_version', 'SELECT federated_find_version(0)'),
('federated_find_tag', 'SELECT federated_find_tag(0, ''x'')'),
('federated_tag_version', 'SELECT federated_tag_version(0, 1, ''x'')'),
('federated_untag', 'SELECT federated_untag(0, ''x'')'),
('federated_rollback', 'SELECT federated_rollback(0, 1)'),
('federated_delete_version', 'SELECT federated_delete_version(0, 1)'),
('federated_lineage', 'SELECT federated_lineage(0)'),
('federated_diff', 'SELECT count(*) FROM federated_diff(0, 0)'),
('federated_model_card', 'SELECT federated_model_card(0)'),
('federated_version_pages', 'SELECT federated_version_pages(0)'),
('federated_update_pages', 'SELECT federated_update_pages(NULL)'),
('federated_mean', 'SELECT federated_mean(''''), federated_mean('''', 1)'),
('federated_sum', 'SELECT federated_sum('''', 1)'),
('federated_norm', 'SELECT federated_norm('''')'),
('federated_dot', 'SELECT federated_dot('''', '''')'),
('federated_cosine', 'SELECT federated_cosine('''', '''')'),
('federated_epsilon', 'SELECT federated_epsilon(1)'),
('federated_noise_multiplier', 'SELECT federated_noise_multiplier(1)'),
('federated_register_island', 'SELECT federated_register_island(NULL)'),
('federated_enroll_identity', 'SELECT federated_enroll_identity(NULL, sha256(''''))'),
('federated_suspend_island', 'SELECT federated_suspend_island(NULL, ''x'')'),
('federated_reinstate_island', 'SELECT federated_reinstate_island(NULL)'),
('federated_accept_workload', 'SELECT federated_accept_workload(0)'),
('federated_refuse_workload', 'SELECT federated_refuse_workload(0)'),
('federated_heartbeat', 'SELECT federated_heartbeat()'),
('federated_eligible_islands', 'SELECT federated_eligible_islands(0)'),
('federated_start_session', 'SELECT federated_start_session(NULL, 0, 1)'),
('federated_session', 'SELECT federated_session(NULL)'),
('federated_pause_session', 'SELECT federated_pause_session(NULL)'),
('federated_resume_session', 'SELECT federated_resume_session(NULL)'),
('federated_cancel_session', 'SELECT federated_cancel_session(NULL)'),
('federated_next_task', 'SELECT federated_next_task(gen_random_uuid())'),
('federated_begin_update', 'SELECT federated_begin_update(NULL, sha256(''''))'),
('federated_put_slice', 'SELECT federated_put_slice(NULL, 0, '''', '''')'),
('federated_commit_update', 'SELECT federated_commit_update(NULL, sha256(''''), 1)'),
('federated_submit_update', 'SELECT federated_submit_update(0, NULL, 1)'),
('federated_submit_evaluation', 'SELECT federated_submit_evaluation(NULL, 1, NULL)'),
('federated_decline_task', 'SELECT federated_decline_task(NULL, NULL)'),
('federated_leave', 'SELECT federated_leave(NULL)'),
('federated_secagg_advertise', 'SELECT federated_secagg_advertise(NULL, 1, 1, NULL)'),
('federated_secagg_roster', 'SELECT federated_secagg_roster(gen_random_uuid(), 1, 1)'),
('federated_secagg_share', 'SELECT federated_secagg_share(NULL, 1, 1, NULL)'),
('federated_secagg_inbox', 'SELECT federated_secagg_inbox(gen_random_uuid(), 1, 1)'),
('federated_secagg_aux', 'SELECT federated_secagg_aux(NULL, 1, 1, NULL)'),
('federated_secagg_complain', 'SELECT federated_secagg_complain(NULL, 1, 1, NULL)'),
('federated_secagg_sets', 'SELECT federated_secagg_sets(gen_random_uuid(), 1, 1)'),
('federated_secagg_agree', 'SELECT federated_secagg_agree(NULL, 1, 1, NULL)'),
('federated_secagg_agreements', 'SELECT federated_secagg_agreements(gen_random_uuid(), 1, 1)'),
('federated_secagg_reveal', 'SELECT federated_secagg_reveal(NULL, 1, 1, NULL)'),
('federated_grant_credits', 'SELECT federated_grant_credits(NULL, 1, ''x'')'),
('federated_set_island_account', 'SELECT federated_set_island_account(NULL)'),
('federated_approve_samples', 'SELECT federated_approve_samples(NULL, 1)'),
('federated_set_price', 'SELECT federated_set_price(0, NULL)'),
('federated_plan_privacy', 'SELECT epsilon FROM federated_plan_privacy(NULL::jsonb, 1, 1)'),
('federated_charge_lost_rounds', 'SELECT federated_charge_lost_rounds(NULL, NULL, NULL)'),
('federated_audit_ledger', 'SELECT count(*) FROM federated_audit_ledger()'),
('federated_issue_token', 'SELECT federated_issue_token(NULL, NULL)'),
('federated_revoke_token', 'SELECT federated_revoke_token(NULL)'),
('federated_rotate_token_secret', 'SELECT federated_rotate_token_secret(NULL)'),
('federated_invite_island', 'SELECT federated_invite_island(NULL)'),
('federated_subscribe', 'SELECT federated_subscribe(NULL, NULL)'),
('federated_unsubscribe', 'SELECT federated_unsubscribe(NULL)'),
('federated_rotate_webhook_secret', 'SELECT federated_rotate_webhook_secret(NULL)'),
('federated_replay_webhook', 'SELECT federated_replay_webhook(NULL)'),
('federated_replay_dead_webhooks', 'SELECT federated_replay_dead_webhooks(NULL)'),
('federated_verify_events', 'SELECT count(*) FROM federated_verify_events()'),
('federated_event_anchors', 'SELECT federated_event_anchors() IS NULL'),
('federated_check_anchors', 'SELECT count(*) FROM federated_check_anchors(NULL)'),
('federated.advance', 'SELECT federated.advance(NULL)'),
('federated.health', 'SELECT count(*) FROM federated.health()');
CREATE FUNCTION test.allowed(role name, query text) RETURNS text
LANGUAGE sql
AS $$ SELECT CASE test.outcome($1, $2) WHEN '42501' THEN '-' ELSE '*' END $$;
SELECT function, test.allowed('regress_admin', query) AS admin, test.allowed('regress_creator', query) AS creator,
	   test.allowed('regress_a', query) AS island, test.allowed('regress_ghost', query) AS unregistered,
	   test.allowed('regress_viewer', query) AS viewer, test.allowed('regress_auditor', query) AS auditor,
	   test.allowed('regress_nobody', query) AS nobody
FROM test.calls ORDER BY function COLLATE "C";
SELECT p.proname AS not_in_the_matrix FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'federated'
WHERE p.pronamespace = e.extnamespace AND p.proname NOT IN (SELECT function FROM test.calls);

-- In the schema "federated", roles may execute these and no other
SELECT p.proname AS function, string_agg(replace(a.grantee::regrole::text, 'federated_', ''), ', ' ORDER BY a.grantee::regrole::text COLLATE "C") AS roles
FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE p.pronamespace = 'federated'::regnamespace AND a.grantee <> p.proowner
GROUP BY p.oid, p.proname ORDER BY p.proname COLLATE "C";

-- Rules that hold for every object of the extension
CREATE VIEW test.functions AS
SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'federated';
CREATE VIEW test.relations AS
SELECT c.* FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'federated';
SELECT count(*) > 100 AS functions_found FROM test.functions;
SELECT oid::regprocedure AS executable_by_public FROM test.functions p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0;
SELECT oid::regprocedure AS search_path_not_pinned FROM test.functions
WHERE prokind <> 'a' AND (prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')) AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false);
-- One, whose checks are in SQL nevertheless: federated.readable_vector().
SELECT oid::regprocedure AS c_function_that_is_security_definer FROM test.functions
WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosecdef;
SELECT oid::regprocedure AS function_without_comment FROM test.functions p WHERE coalesce(obj_description(p.oid, 'pg_proc'), '') = '';
SELECT oid::regclass AS relation_without_comment FROM test.relations WHERE relkind IN ('r', 'v') AND coalesce(obj_description(oid, 'pg_class'), '') = '';
SELECT oid::regclass AS without_row_security FROM test.relations WHERE relkind = 'r' AND NOT relrowsecurity ORDER BY 1;
SELECT oid::regclass AS view_of_its_owner, coalesce(relacl, acldefault('r', relowner)) = acldefault('r', relowner) AS nobody_may_read_it
FROM test.relations WHERE relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false);
SELECT c.oid::regclass AS writable, a.privilege_type, a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace IN ('federated'::regnamespace, 'federated_api'::regnamespace) AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT';
SELECT count(*) > 0 AS page_tables_found, bool_or(c.relacl IS NOT NULL) AS somebody_may_read_them
FROM pg_class c WHERE c.relnamespace = 'federated'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(round|version)_[0-9]+$';

-- Who may read what at all
SELECT c.oid::regclass AS relation,
	   string_agg(replace(a.grantee::regrole::text, 'federated_', ''), ', ' ORDER BY a.grantee::regrole::text COLLATE "C") AS readers
FROM pg_class c LEFT JOIN LATERAL (SELECT * FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner) a ON true
WHERE c.oid IN (SELECT oid FROM test.relations WHERE relkind IN ('r', 'v'))
GROUP BY c.oid ORDER BY c.oid::regclass::text COLLATE "C";

-- Which rows: of this session's two Islands, each sees itself
SELECT role, test.run_as(role, 'SELECT string_agg(host_id, '','' ORDER BY host_id) FROM federated.islands WHERE host_id ~ ''^island-[abcd]$''') AS islands,
	   test.run_as(role, format('SELECT count(*) FROM federated.sessions WHERE id = %L', :'sid')) AS session,
	   test.run_as(role, format('SELECT count(*) FROM federated.participants WHERE session_id = %L', :'sid')) AS participants,
	   test.run_as(role, format('SELECT count(*) FROM federated.rounds WHERE session_id = %L', :'sid')) AS rounds,
	   test.run_as(role, format('SELECT count(*) FROM federated.tasks WHERE round_id = %s', :round)) AS tasks,
	   test.run_as(role, format('SELECT count(*) FROM federated.updates WHERE round_id = %s', :round)) AS updates,
	   test.run_as(role, format('SELECT count(*) FROM federated.model_versions WHERE id = %s', :version)) AS versions,
	   test.run_as(role, format('SELECT count(*) FROM federated.heartbeats WHERE island_id = ANY (%L)',
								(SELECT array_agg(id) FROM federated.islands WHERE host_id ~ '^island-[abcd]$'))) AS heartbeats,
	   test.run_as(role, format('SELECT count(*) FROM federated.consents WHERE workload_id = %s', :workload)) AS consents,
	   test.run_as(role, format('SELECT count(*) FROM federated.rejections WHERE round_id = %s', :round)) AS rejections
FROM unnest('{regress_a,regress_b,regress_d,regress_ghost,regress_admin,regress_auditor}'::text[]) role;
SELECT role, test.try(role, format('SELECT count(*) FROM federated.sessions WHERE id = %L', :'sid')) AS session,
	   test.try(role, format('SELECT count(*) FROM federated.updates WHERE round_id = %s', :round)) AS updates,
	   test.try(role, format('SELECT count(*) FROM federated.events WHERE session_id = %L', :'sid')) AS events,
	   test.outcome(role, 'SELECT count(*) FROM federated.rejections') AS rejections,
	   test.outcome(role, 'SELECT count(*) FROM federated.heartbeats') AS heartbeats
FROM unnest('{regress_creator,regress_other,regress_viewer}'::text[]) role;
SELECT role, test.try(role, 'SELECT count(*) > 0 FROM federated.workloads') FROM unnest('{regress_a,regress_nobody}'::text[]) role;
SELECT test.try('regress_a', 'SELECT count(*) FROM federated.events');

-- Weights: an Island in a session that uses the version, its owner, the administrator
SELECT role, left(test.try(role, format('SELECT federated_model_slice(%s, 0)', :version)), 90) FROM unnest('{regress_a,regress_creator,regress_admin}'::text[]) role;
SELECT role, test.outcome(role, format('SELECT federated_model_slice(%s, 0)', :version)) AS slice, test.outcome(role, format('SELECT federated_model(%s)', :version)) AS model,
	   test.outcome(role, format('SELECT federated_model_header(%s)', :version)) AS header, test.outcome(role, format('SELECT federated_export_model(%s)', :workload)) AS export
FROM unnest('{regress_d,regress_ghost,regress_other,regress_viewer,regress_auditor}'::text[]) role;
SELECT format('SELECT count(*) FROM federated.%I', v.relation) AS page_table
FROM federated.model_versions m JOIN federated.vectors v ON v.id = m.vector_id WHERE m.id = :version \gset
SELECT role, test.try(role, :'page_table') ~ '^42501: permission denied for table version_[0-9]+$' AS page_table_unreadable
FROM unnest('{regress_a,regress_creator,regress_admin,regress_viewer,regress_auditor}'::text[]) role;

-- An auditor reads what happened, and no weights: neither pages nor what leads to them
SELECT name, test.outcome('regress_auditor', format('SELECT count(*) FROM federated.%I', name)) AS outcome
FROM unnest('{events,event_chains,rejections,updates,rounds,sessions,participants,vectors,slices,page_template,optimizer_states,retired_tables}'::text[]) name;
SELECT query, test.outcome('regress_auditor', query) AS outcome
FROM unnest(ARRAY['SELECT count(*) FROM federated_update_pages(NULL)', 'SELECT count(*) FROM federated_version_pages(0)',
				  'SELECT federated.read_slice(''x'', 0, 0, 0)', 'SELECT federated.page_values('''', ''f32'', 0, 0)']) query;

-- For others: an update is its sender's, a session its creator's, a workload its owner's
SELECT test.try('regress_a', format('SELECT federated_put_slice(%s, 0, sha256(''''), '''')', :b_update)) ~ '^P0002: Island "island-a" has no update \d+$' AS not_mine,
	   test.try('regress_a', format('SELECT federated_commit_update(%s, sha256(''''), 1)', :b_update)) ~ '^P0002: Island "island-a" has no update \d+$' AS not_mine;
SELECT test.outcome('regress_other', format('SELECT federated_pause_session(%L)', :'sid')) AS pause, test.outcome('regress_other', format('SELECT federated_cancel_session(%L)', :'sid')) AS cancel;
SELECT test.try('regress_other', format('SELECT federated_import_model(%s, %L)', :workload, test.model(1)));
SELECT test.try('regress_creator', format('SELECT federated.advance(%L)', :'sid'));
SELECT role, test.outcome(role, 'INSERT INTO federated.workloads (name, owner_role) VALUES (''x'', ''x'') RETURNING id') AS insert,
	   test.outcome(role, 'UPDATE federated.sessions SET name = ''x'' RETURNING id') AS update,
	   test.outcome(role, 'DELETE FROM federated.updates RETURNING id') AS delete
FROM unnest('{regress_admin,regress_creator,regress_viewer,regress_a}'::text[]) role;
-- an administrator may act for a creator
SELECT test.outcome('regress_admin', format('SELECT federated_pause_session(%L)', :'sid')), test.status(:'sid');
SELECT test.outcome('regress_creator', format('SELECT federated_resume_session(%L)', :'sid')), test.status(:'sid');
-- every refusal says what is missing
SELECT test.try('regress_ghost', 'SELECT federated_heartbeat()');
CREATE ROLE regress_half LOGIN;
GRANT EXECUTE ON FUNCTION federated_create_workload(text, jsonb, text) TO regress_half;
SELECT test.try('regress_half', 'SELECT federated_create_workload(''x'')');
DROP OWNED BY regress_half;
DROP ROLE regress_half;

-- A direct connection is its session_user, whatever it sets
SET SESSION AUTHORIZATION regress_a;
SET request.jwt.claims = '{"role": "federated_admin", "sub": "root", "host_id": "island-b"}';
SELECT federated_heartbeat() ->> 'host_id' AS still;
SET ROLE federated_island;
SELECT federated_heartbeat() ->> 'host_id' AS still;
RESET ROLE;
RESET request.jwt.claims;
RESET SESSION AUTHORIZATION;
-- the authenticator's token is believed
SET SESSION AUTHORIZATION federated_authenticator;
SET ROLE federated_island;
SET request.jwt.claims = '{"role": "federated_island", "sub": "b", "host_id": "island-b"}';
SELECT federated_heartbeat() ->> 'host_id' AS token_of;
SET request.jwt.claims = '{"role": "federated_island", "sub": "b"}';
SELECT federated_heartbeat();
SET request.jwt.claims = '';
SELECT federated_heartbeat();
SET ROLE federated_creator;
SET request.jwt.claims = '{"role": "federated_creator", "sub": "ann"}';
SELECT federated_create_workload('of ann') IS NOT NULL AS created;
SELECT federated_register_island('x');
RESET SESSION AUTHORIZATION;
RESET request.jwt.claims;
SELECT owner_role FROM federated.workloads WHERE name = 'of ann';

-- Nothing of the caller's gets between: objects in pg_temp, a search_path of its own
CREATE SCHEMA trap AUTHORIZATION regress_a;
SET SESSION AUTHORIZATION regress_a;
CREATE FUNCTION trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT CASE WHEN trap.spring() THEN pg_catalog.now() END $$;
CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT CASE WHEN trap.spring() THEN pg_catalog.now() END $$;
CREATE FUNCTION trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT CASE WHEN trap.spring() THEN $1 END $$;
CREATE FUNCTION trap.equal(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT trap.spring() $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.equal);
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT trap.spring() $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
CREATE TEMP TABLE pg_roles (rolname name);
CREATE TEMP TABLE pg_extension (extname name, extversion text);
CREATE TEMP TABLE islands (id bigint, host_id text, role_name name, suspended_at timestamptz);
CREATE TEMP TABLE sessions (id uuid);
SET search_path = trap, pg_temp, pg_catalog, public;
SELECT public.federated_heartbeat() ->> 'host_id' AS host_id;
SELECT public.federated_next_task() ->> 'kind' IS DISTINCT FROM '' AS asked;
SELECT public.federated_submit_update(0, '\x00', 1) ->> 'reason' AS reason;
SELECT public.federated_begin_update(0, pg_catalog.sha256('')) ->> 'reason' AS reason;
SELECT pg_catalog.count(*) AS own FROM federated.updates WHERE round_id OPERATOR(pg_catalog.=) :round;
-- the traps do work
SELECT 1::bigint = 1::bigint;
RESET search_path;
RESET SESSION AUTHORIZATION;
DISCARD TEMP;
DROP SCHEMA trap CASCADE;

SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
DROP VIEW test.functions, test.relations;
DROP ROLE regress_ghost;
