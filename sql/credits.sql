-- Credits: accounts, prices, escrow, payment, refund, and the audit of all of it.
\set SHOW_CONTEXT never
SELECT test.wake('abcd');
SELECT test.workload('credits', 0) AS workload \gset
SELECT test.accept(:workload, 'abc');
CREATE FUNCTION test.balance(holder text) RETURNS numeric
LANGUAGE sql
AS $$ SELECT coalesce(sum(b.credits), 0) FROM federated.balances b WHERE b.holder = $1 $$;
-- What happened to the credits of a session, without ids
CREATE FUNCTION test.entries(session uuid) RETURNS TABLE (kind text, round integer, host_id text, "from" text, "to" text, credits numeric)
LANGUAGE sql
AS $$
	SELECT l.kind, l.round, l.host_id, CASE l.from_kind WHEN 'escrow' THEN 'escrow' ELSE l.from_kind || ' ' || l.from_holder END,
		   CASE l.to_kind WHEN 'escrow' THEN 'escrow' ELSE l.to_kind || ' ' || l.to_holder END, l.credits
	FROM federated.ledger_entries l WHERE l.session_id = $1 ORDER BY l.entry_id
$$;
CREATE VIEW test.audit AS
SELECT problem, account_kind, CASE account_kind WHEN 'escrow' THEN '' ELSE holder END AS holder, round, host_id, expected, found
FROM federated_audit_ledger();

-- Grants: exact, once, and back again ------------------------------------------------------------
SELECT test.run_as('regress_admin', $$SELECT federated_grant_credits('regress_creator', 100, 'seed money')$$) IS NOT NULL AS granted;
SELECT test.run_as('regress_admin', $$SELECT federated_grant_credits('regress_other', 0.000001, 'the least there is')$$) IS NOT NULL AS granted;
SELECT test.run_as('regress_admin', $$SELECT federated_grant_credits('island-d', 2, 'welcome', 'island')$$) IS NOT NULL AS granted;
SELECT test.run_as('regress_admin', $$SELECT federated_grant_credits('island-d', -0.5, 'too much', 'island')$$) IS NOT NULL AS taken_back;
SELECT test.run_as('regress_admin', $$SELECT federated_grant_credits('regress_other', 7, 'again', request_key => 'k1')$$)
	 = test.run_as('regress_admin', $$SELECT federated_grant_credits('regress_other', 7, 'again', request_key => 'k1')$$) AS same_entry;
SELECT test.try('regress_admin', $$SELECT federated_grant_credits('regress_other', 8, 'again', request_key => 'k1')$$);
SELECT test.balance('regress_creator'), test.balance('regress_other'), test.balance('island-d'), test.balance('system'),
	   (SELECT sum(balance) FROM federated.accounts) AS sum;
SELECT a, test.try('regress_admin', format('SELECT federated_grant_credits(''x'', %s, ''x'')', coalesce(a, 'NULL')))
FROM unnest('{0,0.0000001,''NaN'',''infinity'',9000000000001,NULL}'::text[]) a;
SELECT test.try('regress_admin', $$SELECT federated_grant_credits('x', 1, NULL)$$), test.try('regress_admin', $$SELECT federated_grant_credits('', 1, 'x')$$),
	   test.try('regress_admin', $$SELECT federated_grant_credits('x', 1, 'x', 'escrow')$$), test.try('regress_admin', $$SELECT federated_grant_credits('nobody', 1, 'x', 'island')$$);
-- the ledger does not count further than it can
BEGIN;
SELECT count(test.run_as('regress_admin', $$SELECT federated_grant_credits('rich', 9000000000000, 'x')$$));
SELECT test.try('regress_admin', $$SELECT federated_grant_credits('rich', 9000000000000, 'x')$$);
ROLLBACK;

-- Prices: what they may be -------------------------------------------------------------------------
SELECT p, coalesce(nullif(test.try(current_user, format('SELECT federated.check_price(%L)', p)), ''), 'ok')
FROM unnest(ARRAY['{}', '{"per_round": 0.000001}', '{"per_round": 1, "per_thousand_samples": 0.5, "max_samples": 1000, "contribution_pool": 3, "contribution": "norm_share"}',
	'{"per_round": 0.0000001}', '{"per_round": -1}', '{"per_round": "1"}', '{"per_round": 1000000001}', '{"per_hour": 1}', '{"per_thousand_samples": 1}', '{"max_samples": 1}',
	'{"per_thousand_samples": 1, "max_samples": 1.5}', '{"per_thousand_samples": 1, "max_samples": 0}', '{"contribution": "cosine"}', '{"contribution_pool": 1, "contribution": "luck"}']) p;
SELECT c, test.try('regress_creator', format('SELECT ''started'' FROM federated_start_session(''x'', %s, 3, %L)', :workload, c))
FROM unnest(ARRAY['{"price": {"per_round": 1}}', '{"budget": 5}', '{"price": {"per_round": 2}, "budget": 3.999999}', '{"price": {"per_round": 2}, "budget": 4.0000001}',
	'{"price": {"per_round": 1000000000}, "max_participants": 100000}', '{"price": {"per_thousand_samples": 1000000000, "max_samples": 1000000000000}, "max_participants": 2}']) c;
-- by default, of the workload; its owner's to set
SELECT test.outcome('regress_other', format('SELECT federated_set_price(%s, ''{"per_round": 9}'')', :workload)), test.outcome('regress_a', format('SELECT federated_set_price(%s, NULL)', :workload));
SELECT test.try('regress_creator', format('SELECT federated_set_price(%s, ''{"per_round": "much"}'')', :workload));
SELECT test.run_as('regress_creator', format('SELECT federated_set_price(%s, ''{"per_round": 1.5}'')', :workload));

-- So much for an update -----------------------------------------------------------------------------
SELECT test.start('per round', :workload, 3, '{"max_participants": 3, "min_participants": 3}') AS sid \gset
SELECT config -> 'price' AS price FROM federated.sessions WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.balance('regress_creator') AS left, test.balance(:'sid') AS escrow;
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 20, '{1}'), test.submit('c', :'sid', 30, '{1}');
CALL test.drive(:'sid');
-- c drops out of the second round, which costs less then
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 20, '{1}'), test.run_as('regress_c', format('SELECT federated_decline_task(%s, ''busy'')', test.round(:'sid')));
CALL test.drive(:'sid');
SELECT federated_session(:'sid') ->> 'credits' AS credits, test.run_as('regress_a', format('SELECT federated_session(%L) ->> ''credits''', :'sid')) AS for_an_island;
-- paying again pays nothing, also after the end
SELECT federated.pay_round(s, r) FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id WHERE s.id = :'sid' AND r.state = 'closed';
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 20, '{1}'), test.submit('c', :'sid', 30, '{1}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1), test.evaluate('c', :'sid', 1);
CALL test.drive(:'sid');
SELECT federated.refund_credits(:'sid'), federated.pay_round(s, r) FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id WHERE s.id = :'sid';
SELECT test.status(:'sid'), test.balance('regress_creator') AS left, test.balance(:'sid') AS escrow;
SELECT * FROM test.entries(:'sid');
SELECT kind, detail FROM federated.events WHERE session_id = :'sid' AND kind ~ 'credit|budget' ORDER BY id;
SELECT * FROM test.audit;

-- So much for a thousand samples, of those that are approved ------------------------------------------
SELECT test.run_as('regress_admin', $$SELECT federated_approve_samples('island-b', 3000)$$), test.run_as('regress_admin', format($$SELECT federated_approve_samples('island-c', 1, %s)$$, :workload)),
	   test.run_as('regress_admin', $$SELECT federated_approve_samples('island-c', 5)$$);
SELECT test.try('regress_admin', $$SELECT federated_approve_samples('island-b', 0)$$), test.try('regress_admin', $$SELECT federated_approve_samples('nobody', 1)$$), test.outcome('regress_b', $$SELECT federated_approve_samples('island-b', 9)$$);
SELECT test.start('samples', :workload, 1, '{"max_participants": 3, "min_participants": 3, "price": {"per_thousand_samples": 0.1, "max_samples": 5000}}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.balance(:'sid') AS escrow;
-- what weighs: 9000, 3000 of 8000, 1 of 1000000; what is paid: 5000 of the 9000, and the same
SELECT test.submit('a', :'sid', 9000, '{0}'), test.submit('b', :'sid', 8000, '{12001}'), test.submit('c', :'sid', 1000000, '{0}');
SELECT host_id, round((weight * 12001)::numeric, 6) AS weight FROM federated_update_pages(:'sid');
CALL test.drive(:'sid');
SELECT test.weights(:'sid');
SELECT i.host_id, u.num_samples, u.counted_samples, round((u.weight * 12001)::numeric, 6) AS weight
FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id JOIN federated.rounds r ON r.id = u.round_id
WHERE r.session_id = :'sid' AND r.kind = 'train' ORDER BY 1;
SELECT p ->> 'host_id' AS host_id, p ->> 'total_samples' AS total_samples, p ->> 'approved_samples' AS approved_samples
FROM json_array_elements(federated_session(:'sid') -> 'participants') p;
SELECT role, test.run_as(role, format('SELECT string_agg(host_id || '' '' || coalesce(approved_samples::text, ''any''), '', '' ORDER BY host_id) FROM federated_api.participants WHERE session_id = %L', :'sid'))
FROM unnest('{regress_creator,regress_viewer,regress_c}'::text[]) role;
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1), test.evaluate('c', :'sid', 1);
CALL test.drive(:'sid');
SELECT * FROM test.entries(:'sid');
SELECT kind, detail FROM federated.events WHERE kind = 'samples_approved' ORDER BY id;
SELECT test.run_as('regress_admin', format('SELECT federated_approve_samples(%L, NULL, %L)', h, w)) FROM (VALUES ('island-b', NULL), ('island-c', NULL), ('island-c', :'workload')) v (h, w);
SELECT count(*) FROM federated.sample_ceilings;
-- where nobody knows the samples, a price for the round still holds
SELECT federated.update_price('{"price": {"per_round": 2, "per_thousand_samples": 1, "max_samples": 1000}}', NULL) AS unknown,
	   federated.counted_samples(0, 0, NULL) IS NULL AS unknown_stays_unknown;

-- A pool to share -----------------------------------------------------------------------------------
-- two Islands of one owner are paid into its account
SELECT test.run_as('regress_admin', format('SELECT federated_set_island_account(%L, ''hospital'')', h)) FROM unnest('{island-a,island-c}'::text[]) h;
SELECT test.try('regress_creator', format('SELECT federated_start_session(''pool'', %s, 1, ''{"contribution": false, "price": {"contribution_pool": 10}}'')', :workload));
SELECT test.start('pool', :workload, 1, '{"min_participants": 3, "price": {"contribution_pool": 10}}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit(x, :'sid', 1, '{1}') FROM unnest('{a,b,c}'::text[]) x;
CALL test.drive(:'sid');
-- all alike: a third each, and the millionth that is left to the first
SELECT * FROM test.entries(:'sid');
SELECT test.run_as('regress_admin', format('SELECT federated_set_island_account(%L)', h)) FROM unnest('{island-a,island-c}'::text[]) h;
SELECT * FROM test.audit;

CREATE FUNCTION test.shares(session uuid, pool numeric, VARIADIC "values" float8[]) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	train bigint := (SELECT r.id FROM federated.rounds r WHERE r.session_id = session AND r.kind = 'train');
	shares text;
BEGIN
	UPDATE federated.updates u SET norm_share = v.value
	FROM (SELECT i.id, t.value FROM unnest("values") WITH ORDINALITY t (value, n) JOIN federated.islands i ON i.host_id = 'island-' || chr(96 + n::integer)) v
	WHERE u.round_id = train AND u.island_id = v.id;
	SELECT string_agg(c.amount::text, ' ' ORDER BY i.host_id) || ' = ' || sum(c.amount) INTO shares
	FROM federated.contribution_shares(train, 'norm_share', pool) c JOIN federated.islands i ON i.id = c.island_id;
	RETURN shares;
END
$$;
SELECT v AS contributions, test.shares(:'sid', 100, VARIADIC v::float8[]) AS of_100, test.shares(:'sid', 2, VARIADIC v::float8[]) AS of_2
FROM unnest(ARRAY['{1,1,1}', '{1,2,3}', '{0,0,0}', '{-1,0.5,0.5}', '{NULL,NULL,NULL}', '{NaN,1,Infinity}', '{-1,-2,-3}', '{1e-300,1e-300,1e300}', '{0.1,0.2,0.7}']) v;
UPDATE federated.updates u SET norm_share = NULL FROM federated.rounds r WHERE r.id = u.round_id AND r.session_id = :'sid';
SELECT test.evaluate(x, :'sid', 1) FROM unnest('{a,b,c}'::text[]) x;
CALL test.drive(:'sid');

-- The end, however it comes: what is left goes back, a round that is given up pays nothing --------------
SELECT test.balance('regress_creator') AS before \gset
SELECT test.start('cancelled', :workload, 5, '{"max_participants": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.balance(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT test.status(:'sid'), test.balance(:'sid'), test.balance('regress_creator') = :before AS all_back;
SELECT * FROM test.entries(:'sid');
SELECT test.start('failed', :workload, 2, '{"max_participants": 2, "max_extensions": 0, "min_updates": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.status(:'sid');
SELECT * FROM test.entries(:'sid');
SELECT test.start('never begun', :workload, 1, '{"min_participants": 50, "max_participants": 50, "recruit_timeout": 1}') AS sid \gset
UPDATE federated.sessions SET recruit_deadline = now() WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.balance(:'sid');

-- A budget ends the training before it is overdrawn ------------------------------------------------------
SELECT test.start('budget', :workload, 9, '{"budget": 10, "max_participants": 2}') AS sid \gset
CALL test.drive(:'sid');
DO $$
DECLARE
	session uuid := (SELECT id FROM federated.sessions WHERE name = 'budget');
BEGIN
	FOR round IN 1 .. 3
	LOOP
		PERFORM test.submit('a', session, 1, '{1}'), test.submit('b', session, 1, '{1}');
		WHILE federated.advance(session) IS NOT NULL LOOP END LOOP;
	END LOOP;
END
$$;
SELECT test.status(:'sid'), current_round, stop_reason, test.balance(:'sid') FROM federated.sessions WHERE id = :'sid';
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.balance(:'sid');
SELECT kind, detail FROM federated.events WHERE session_id = :'sid' AND kind ~ 'credit|budget' ORDER BY id;
SELECT v.status, v.published_at IS NOT NULL AS published FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.result_version_id WHERE s.id = :'sid';
-- three come where the budget was for two
SELECT test.start('too many', :workload, 1, '{"budget": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.balance(:'sid');

-- How far below zero ----------------------------------------------------------------------------------
SET federated.credit_limit = 5;
SELECT test.balance('regress_creator');
SELECT test.try('regress_creator', format('SELECT federated_start_session(''dear'', %s, 1, ''{"budget": 10000}'')', :workload));
SELECT test.try('regress_creator', format('SELECT ''started'' FROM federated_start_session(''dear'', %s, 1000, ''{"budget": 10000}'')', :workload));
SELECT federated.http_status('53400');
SELECT test.run_as('regress_admin', format('SELECT federated_grant_credits(''regress_creator'', %s, ''spent elsewhere'')', -test.balance('regress_creator') - 2)) IS NOT NULL AS below_zero;
SELECT test.try('regress_creator', format('SELECT federated_start_session(''dear'', %s, 1, ''{"max_participants": 3}'')', :workload));
SELECT test.start('just in it', :workload, 1, '{"max_participants": 2}') AS sid \gset
SELECT test.balance('regress_creator');
SELECT test.try('regress_admin', $$SELECT federated_grant_credits('regress_creator', -0.000001, 'a bit more')$$);
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SET federated.credit_limit = 0;
SELECT test.outcome('regress_creator', format('SELECT federated_start_session(''dear'', %s, 1, ''{"price": {}}'')', :workload)) AS costs_nothing;
RESET federated.credit_limit;

-- Who sees what ---------------------------------------------------------------------------------------
SELECT role, test.run_as(role, $$SELECT string_agg(DISTINCT kind || CASE kind WHEN 'escrow' THEN '' ELSE ' ' || holder END, ', ') FROM federated.balances WHERE holder <> 'iso'$$) AS accounts,
	   test.run_as(role, $$SELECT count(*) FILTER (WHERE host_id IS NULL OR host_id = 'island-b') > 0 AND count(*) FILTER (WHERE kind = 'payment' AND host_id <> 'island-b') = 0 FROM federated.ledger_entries$$) AS of_b_only,
	   test.run_as(role, $$SELECT bool_or(from_holder IS NULL OR to_holder IS NULL) FROM federated.ledger_entries$$) AS others_hidden
FROM unnest('{regress_admin,regress_auditor,regress_creator,regress_other,regress_viewer,regress_b,regress_d}'::text[]) role;
-- a statement adds up to the balance
SELECT role, test.run_as(role, $$SELECT bool_and(s.balance = b.credits) FROM federated.balances b
	JOIN LATERAL (SELECT * FROM federated.statements s WHERE s.account_id = b.account_id ORDER BY entry_id DESC LIMIT 1) s ON true$$) AS adds_up
FROM unnest('{regress_admin,regress_creator,regress_b}'::text[]) role;
SELECT kind, round, credits, balance, note FROM federated.statements WHERE holder = 'island-d' ORDER BY entry_id;

-- What cannot be ----------------------------------------------------------------------------------------
UPDATE federated.ledger SET amount = 1;
DELETE FROM federated.ledger;
TRUNCATE federated.ledger;
SELECT sum(amount) <> 0 AS entries_out_of_balance FROM federated.postings GROUP BY entry_id HAVING sum(amount) <> 0;
SELECT sum(balance) AS sum FROM federated.accounts;
BEGIN;
SELECT test.try(current_user, $$UPDATE federated.accounts SET balance = -1 WHERE kind = 'escrow' RETURNING id$$) LIKE '23514:%escrow_never_negative%' AS escrow_stays_above;
SELECT test.try(current_user, $$INSERT INTO federated.ledger (actor, kind, from_account, to_account, amount, session_id, round_id, island_id)
	SELECT 'thief', kind, from_account, to_account, amount, session_id, round_id, island_id FROM federated.ledger WHERE kind = 'payment' LIMIT 1 RETURNING id$$) LIKE '23505:%ledger_once%' AS not_twice;
ROLLBACK;
SELECT test.outcome(role, 'INSERT INTO federated.ledger (actor, kind, from_account, to_account, amount) SELECT ''x'', ''grant'', min(id), max(id), 1 FROM federated.accounts RETURNING id'),
	   test.outcome(role, 'UPDATE federated.accounts SET balance = 1 RETURNING id')
FROM unnest('{regress_admin,regress_auditor,regress_creator,regress_b}'::text[]) role;

-- The auditor finds what a superuser has forged ------------------------------------------------------------
SELECT count(*) FROM test.audit;
SELECT l.id AS entry FROM federated.ledger_entries e JOIN federated.ledger l ON l.id = e.entry_id JOIN federated.sessions s ON s.id = l.session_id
WHERE s.name = 'per round' AND e.round = 2 AND e.host_id = 'island-b' \gset
BEGIN;
ALTER TABLE federated.ledger DISABLE TRIGGER append_only;
UPDATE federated.ledger SET amount = amount + 1000000 WHERE id = :entry;
SELECT * FROM test.audit;
-- with balances to match
UPDATE federated.accounts SET balance = balance + CASE kind WHEN 'island' THEN 1000000 ELSE -1000000 END
WHERE id IN (SELECT to_account FROM federated.ledger WHERE id = :entry) OR (kind, holder) = ('owner', 'regress_creator');
SELECT * FROM test.audit;
ROLLBACK;
BEGIN;
ALTER TABLE federated.ledger DISABLE TRIGGER append_only;
DELETE FROM federated.ledger WHERE id = :entry;
SELECT * FROM test.audit;
ROLLBACK;
BEGIN;
INSERT INTO federated.ledger (actor, kind, from_account, to_account, amount)
SELECT 'worker', 'grant', federated.find_account('system', 'system'), federated.find_account('island', 'island-d'), 5000000;
SELECT * FROM test.audit;
ROLLBACK;
BEGIN;
DROP INDEX federated.ledger_once;
INSERT INTO federated.ledger (actor, kind, from_account, to_account, amount, session_id, round_id, island_id)
SELECT actor, kind, from_account, to_account, amount, session_id, round_id, island_id FROM federated.ledger WHERE id = :entry;
SELECT * FROM test.audit;
ROLLBACK;
BEGIN;
ALTER TABLE federated.ledger DISABLE TRIGGER append_only;
UPDATE federated.ledger SET to_account = federated.find_account('island', 'island-d') WHERE id = :entry;
SELECT * FROM test.audit;
ROLLBACK;
BEGIN;
UPDATE federated.accounts SET balance = balance + 1 WHERE (kind, holder) = ('island', 'island-d');
SELECT * FROM test.audit;
ROLLBACK;
-- nor are sources that were changed along overlooked
BEGIN;
UPDATE federated.sessions SET config = jsonb_set(config, '{price,per_round}', '2') WHERE name = 'failed';
UPDATE federated.updates u SET num_samples = 1000000 FROM federated.rounds r JOIN federated.sessions s ON s.id = r.session_id
WHERE r.id = u.round_id AND s.name = 'failed' AND u.island_id = (SELECT id FROM federated.islands WHERE host_id = 'island-b');
SELECT * FROM test.audit WHERE problem ~ 'update|session';
ROLLBACK;
SELECT count(*) FROM test.audit;

SELECT test.run_as('regress_creator', format('SELECT federated_set_price(%s, NULL)', :workload));
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', id)) FROM federated.sessions WHERE workload_id = :workload AND finished_at IS NULL;
DROP VIEW test.audit;
