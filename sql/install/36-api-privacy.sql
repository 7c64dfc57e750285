-- Endpoints: differential privacy ----------------------------------------------------------------------------------------

CREATE VIEW federated_api.privacy_spent WITH (security_invoker = true) AS
SELECT p.session_id, p.name, p.mode, p.rounds, p.epsilon, p.delta, p.method, p.rdp_order, p.noise_multiplier, p.clip_norms,
	   p.noise_std_sum, p.noise_std_mean, p.divisor, p.sampling, p.sampling_rate, p.participants, p.most_by_participant,
	   p.epsilon_budget, p.insecure_seed, p.lost
FROM federated.privacy_spent p;
COMMENT ON VIEW federated_api.privacy_spent IS 'What each private session has spent';

CREATE VIEW federated_api.participant_privacy WITH (security_invoker = true) AS
SELECT p.session_id, p.host_id, p.rounds, p.epsilon, p.delta, p.method, p.rdp_order
FROM federated.participant_privacy p;
COMMENT ON VIEW federated_api.participant_privacy IS 'What the rounds that each Island was in have cost it';

CREATE VIEW federated_api.privacy_charges WITH (security_invoker = true) AS
SELECT c.id, c.session_id, c.round_id, c.round_no AS round, c.charged_at, c.mechanism, c.noise_multiplier, c.update_noise_multiplier,
	   c.clip_norm, c.grid, c.noise_variance, c.divisor, c.sampling, c.sampling_rate, c.delta, c.count_noise, c.released_fraction,
	   c.insecure_seed, c.lost
FROM federated.privacy_charges c;
COMMENT ON VIEW federated_api.privacy_charges IS 'What private sessions were charged, round by round';
GRANT SELECT ON federated_api.privacy_spent, federated_api.participant_privacy, federated_api.privacy_charges
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

SELECT federated.define_endpoint('plan_privacy', 'config jsonb, participants integer, rounds integer', 'json', 'STABLE',
	'{admin,creator,island,viewer,auditor}',
	'What a session with this config would spend in so many rounds with so many participants, and what that means', $$
	RETURN (SELECT row_to_json(p) FROM @extschema@.federated_plan_privacy(config, participants, rounds) p);$$);

SELECT federated.define_endpoint('charge_lost_rounds', 'session_id uuid, rounds integer, reason text', 'json', 'VOLATILE', '{admin}',
	'Charge rounds of a private session that the books may have lost; 0: none was', $$
	PERFORM @extschema@.federated_charge_lost_rounds(session_id, rounds, reason);
	RETURN @extschema@.federated_session(session_id) -> 'privacy';$$);
