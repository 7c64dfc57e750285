-- Endpoints: credits ------------------------------------------------------------------------------------------------------

CREATE VIEW federated_api.balances WITH (security_invoker = true) AS
SELECT b.account_id, b.kind, b.holder, b.credits, b.opened_at
FROM federated.balances b;
COMMENT ON VIEW federated_api.balances IS 'Accounts of the caller, and of its sessions, with their credits';

CREATE VIEW federated_api.statements WITH (security_invoker = true) AS
SELECT s.account_id, s.account_kind, s.holder, s.entry_id, s.at, s.kind, s.session_id, s.round, s.host_id, s.credits, s.balance,
	   s.actor, s.note
FROM federated.statements s;
COMMENT ON VIEW federated_api.statements IS 'Lines of these accounts, with the balance after each';

CREATE VIEW federated_api.ledger WITH (security_invoker = true) AS
SELECT l.entry_id, l.at, l.actor, l.kind, l.session_id, l.round, l.host_id, l.from_kind, l.from_holder, l.to_kind, l.to_holder,
	   l.credits, l.note
FROM federated.ledger_entries l;
COMMENT ON VIEW federated_api.ledger IS 'Movements of credits that concern the caller, for example of a session';

CREATE VIEW federated_api.prices WITH (security_invoker = true) AS
SELECT w.id AS workload_id, w.name AS workload, w.price
FROM federated.workloads w WHERE w.price IS NOT NULL;
COMMENT ON VIEW federated_api.prices IS 'What sessions of a workload pay unless their config says otherwise';

GRANT SELECT ON federated_api.balances, federated_api.statements, federated_api.ledger, federated_api.prices
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

SELECT federated.define_endpoint('grant_credits', 'holder text, amount numeric, note text, kind text DEFAULT ''owner'', request_key text DEFAULT NULL',
	'json', 'VOLATILE', '{admin}',
	'Give an owner or (kind "island") an Island new credits, or take some back with a negative amount; with the same request_key once; answers 201', $$
	DECLARE
		entry CONSTANT bigint := @extschema@.federated_grant_credits(holder, amount, note, kind, request_key);
	BEGIN
		PERFORM federated.respond(201);
		RETURN (SELECT row_to_json(l) FROM federated_api.ledger l WHERE l.entry_id = entry);
	END;$$);

SELECT federated.define_endpoint('set_price', 'workload_id bigint, price jsonb DEFAULT NULL', 'json', 'VOLATILE', '{creator}',
	'What sessions of a workload pay unless their config says otherwise; null: nothing', $$
	PERFORM @extschema@.federated_set_price(workload_id, price);
	RETURN json_build_object('workload_id', workload_id, 'price', price);$$);

SELECT federated.define_endpoint('approve_samples', 'host_id text, max_samples bigint DEFAULT NULL, workload_id bigint DEFAULT NULL',
	'json', 'VOLATILE', '{admin}',
	'Most samples of an Island that weigh and are paid, in one workload or in all others; null: any number', $$
	PERFORM @extschema@.federated_approve_samples(host_id, max_samples, workload_id);
	RETURN json_build_object('host_id', host_id, 'workload_id', workload_id, 'max_samples', max_samples);$$);

SELECT federated.define_endpoint('set_island_account', 'host_id text, owner text DEFAULT NULL', 'json', 'VOLATILE', '{admin}',
	'Pay an Island''s owner for what it earns from now on; null: its own account', $$
	PERFORM @extschema@.federated_set_island_account(host_id, owner);
	RETURN json_build_object('host_id', host_id, 'owner', owner);$$);

SELECT federated.define_endpoint('audit_ledger', '',
	'TABLE (problem text, account_kind text, holder text, entry_id bigint, session_id uuid, round integer, host_id text, expected numeric, found numeric)',
	'STABLE', '{admin,auditor}', 'Every difference between the ledger and what rounds, updates, prices and grants make of it', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_audit_ledger();$$);
