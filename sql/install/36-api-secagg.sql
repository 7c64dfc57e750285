-- Endpoints: secure aggregation, for Islands and those who look on, and identities, for administrators ---------------
-- Binary values are bytea in JSON: "\x" and hexadecimal digits.

SELECT federated.define_endpoint('enroll_identity', 'host_id text, identity_pk bytea, replace boolean DEFAULT false', 'json', 'VOLATILE',
	'{admin}', 'Enter the public identity key of an Island; another key than before only with replace', $$
	PERFORM @extschema@.federated_enroll_identity(host_id, identity_pk, replace);
	RETURN json_build_object('status', 'enrolled');$$);

SELECT federated.define_endpoint('secagg_advertise',
	'session_id uuid, round integer, attempt integer, adv bytea, identity_pk bytea DEFAULT NULL, signature bytea DEFAULT NULL',
	'json', 'VOLATILE', '{island}', 'Secure aggregation: the Island''s keys for an attempt', $$
	RETURN federated.verdict(@extschema@.federated_secagg_advertise(session_id, round, attempt, adv, identity_pk, signature));$$);

SELECT federated.define_endpoint('secagg_roster', 'session_id uuid, round integer, attempt integer', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: who is in an attempt', $$
	RETURN @extschema@.federated_secagg_roster(session_id, round, attempt);$$);

SELECT federated.define_endpoint('secagg_share', 'session_id uuid, round integer, attempt integer, envelopes bytea', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: the Island''s sealed shares, by ascending holder', $$
	RETURN federated.verdict(@extschema@.federated_secagg_share(session_id, round, attempt, envelopes));$$);

SELECT federated.define_endpoint('secagg_inbox', 'session_id uuid, round integer, attempt integer', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: who has shared, and the envelopes for the Island', $$
	RETURN @extschema@.federated_secagg_inbox(session_id, round, attempt);$$);

SELECT federated.define_endpoint('secagg_aux', 'session_id uuid, round integer, attempt integer, aux bytea', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: the masked aux values of an update', $$
	RETURN federated.verdict(@extschema@.federated_secagg_aux(session_id, round, attempt, aux));$$);

SELECT federated.define_endpoint('secagg_complain', 'session_id uuid, round integer, attempt integer, owners integer[]', 'json', 'VOLATILE',
	'{island}', 'Secure aggregation: whose envelopes the Island could not open', $$
	RETURN federated.verdict(@extschema@.federated_secagg_complain(session_id, round, attempt, owners));$$);

SELECT federated.define_endpoint('secagg_sets', 'session_id uuid, round integer, attempt integer', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: who has shared and whose update is summed', $$
	RETURN @extschema@.federated_secagg_sets(session_id, round, attempt);$$);

SELECT federated.define_endpoint('secagg_agree', 'session_id uuid, round integer, attempt integer, signature bytea', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: the Island''s signature under the sets', $$
	RETURN federated.verdict(@extschema@.federated_secagg_agree(session_id, round, attempt, signature));$$);

SELECT federated.define_endpoint('secagg_agreements', 'session_id uuid, round integer, attempt integer', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: the sets, and who has signed them', $$
	RETURN @extschema@.federated_secagg_agreements(session_id, round, attempt);$$);

SELECT federated.define_endpoint('secagg_reveal', 'session_id uuid, round integer, attempt integer, reveal bytea', 'json', 'VOLATILE', '{island}',
	'Secure aggregation: the shares that open the sum', $$
	RETURN federated.verdict(@extschema@.federated_secagg_reveal(session_id, round, attempt, reveal));$$);

CREATE VIEW federated_api.secagg_progress WITH (security_invoker = true) AS
SELECT p.session_id, p.round, p.kind, p.attempt, p.state, p.mode, p.n, p.t, p.advertised, p.shared, p.committed, p.agreed, p.revealed,
	   p.deadline, p.reason, p.base, p.c0, p.ctx, p.sets, p.began_at, p.ended_at
FROM federated.secagg_progress p;
COMMENT ON VIEW federated_api.secagg_progress IS
	'Attempts of secure aggregation: state, how many Islands have come how far, deadline, and the hashes that bind it';
GRANT SELECT ON federated_api.secagg_progress TO federated_admin, federated_creator, federated_viewer, federated_auditor;
