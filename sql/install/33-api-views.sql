-- Views of the HTTP interface: lists, filtered the PostgREST way ---------------------------------------------
-- They show what the caller's role and the policies of the tables beneath let through.

-- A creator may know who takes part in its sessions, and how many samples count there; nothing else of an Island.
CREATE POLICY read_participants ON federated.islands FOR SELECT TO federated_creator
	USING (EXISTS (SELECT FROM federated.participants p WHERE p.island_id = id));
GRANT SELECT (id, host_id) ON federated.islands TO federated_creator;
CREATE POLICY read_participants ON federated.sample_ceilings FOR SELECT TO federated_creator
	USING (EXISTS (SELECT FROM federated.participants p JOIN federated.sessions s ON s.id = p.session_id
				   WHERE p.island_id = sample_ceilings.island_id
					 AND (sample_ceilings.workload_id IS NULL OR sample_ceilings.workload_id = s.workload_id)));

CREATE VIEW federated_api.sessions WITH (security_invoker = true) AS
SELECT s.id, s.name, s.status, s.current_round, s.total_rounds, s.workload_id, w.name AS workload,
	   s.owner_role AS owner, s.reason, s.created_at, s.started_at, s.finished_at
FROM federated.sessions s JOIN federated.workloads w ON w.id = s.workload_id;
COMMENT ON VIEW federated_api.sessions IS 'Training sessions that the caller may see';

CREATE VIEW federated_api.participants WITH (security_invoker = true) AS
SELECT p.session_id, i.host_id, p.status, p.reason, p.total_samples, p.joined_at, p.left_at,
	   (SELECT c.max_samples FROM federated.sample_ceilings c JOIN federated.sessions s ON s.id = p.session_id
		WHERE c.island_id = p.island_id AND (c.workload_id = s.workload_id OR c.workload_id IS NULL)
		ORDER BY c.workload_id LIMIT 1) AS approved_samples
FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id;
COMMENT ON VIEW federated_api.participants IS 'Islands in sessions';

CREATE VIEW federated_api.rounds WITH (security_invoker = true) AS
SELECT r.id, r.session_id, r.round_no AS round, r.kind, r.state, r.base_version_id, r.result_version_id, r.total_samples,
	   r.opened_at, r.deadline, r.closed_at, r.evaluation, r.training
FROM federated.rounds r;
COMMENT ON VIEW federated_api.rounds IS 'Rounds of sessions, with their mean metrics';

CREATE VIEW federated_api.contributions WITH (security_invoker = true) AS
SELECT c.session_id, c.round, c.host_id, c.num_samples, c.weight, c.norm, c.cosine, c.norm_share, c.leave_one_out
FROM federated.contributions c;
COMMENT ON VIEW federated_api.contributions IS 'What each Island contributed to each round: cosine with what all made together, share of the movement, effect of leaving it out';

CREATE VIEW federated_api.islands WITH (security_invoker = true) AS
SELECT i.host_id, i.capabilities, h.last_seen, i.suspended_at, i.suspend_reason, i.registered_at
FROM federated.islands i LEFT JOIN federated.heartbeats h ON h.island_id = i.id;
COMMENT ON VIEW federated_api.islands IS 'Registered Islands';

CREATE VIEW federated_api.workloads WITH (security_invoker = true) AS
SELECT w.id, w.name, w.requirements, w.trainable, w.owner_role AS owner,
	   (SELECT v.version FROM federated.workload_heads h JOIN federated.model_versions v ON v.id = h.version_id
		WHERE h.workload_id = w.id) AS current_version, w.created_at
FROM federated.workloads w;
COMMENT ON VIEW federated_api.workloads IS 'What can be trained';

CREATE VIEW federated_api.tensors WITH (security_invoker = true) AS
SELECT t.workload_id, t.name, t.dtype, t.shape, t.elements, t.trainable
FROM federated.tensors t;
COMMENT ON VIEW federated_api.tensors IS 'Tensors of workloads';

CREATE VIEW federated_api.versions WITH (security_invoker = true) AS
SELECT v.version_id, v.workload_id, v.workload, v.version, v.status, v.current, v.parent_id, v.parameters, v.metrics, v.digest,
	   v.owner_role AS owner, v.created_at, v.published_at, v.tags, v.session_id, v.round, v.provenance
FROM federated.versions v;
COMMENT ON VIEW federated_api.versions IS 'Model versions; "current" is what the next session starts from';

CREATE VIEW federated_api.events WITH (security_invoker = true) AS
SELECT e.id, e.session_id, e.at, e.actor, e.kind, e.detail, e.position, encode(e.hash, 'hex') AS hash
FROM federated.events e;
COMMENT ON VIEW federated_api.events IS 'Every change of state: who, when, what and why';

CREATE VIEW federated_api.rejections WITH (security_invoker = true) AS
SELECT r.id, r.at, r.session_id, r.round_id, i.host_id, r.reason, r.detail
FROM federated.rejections r LEFT JOIN federated.islands i ON i.id = r.island_id;
COMMENT ON VIEW federated_api.rejections IS 'Updates that were refused, and why';

CREATE VIEW federated_api.config_keys WITH (security_invoker = true) AS
SELECT k.key, k.type, k.minimum, k.exclusive, k.maximum, k.choices, k.default_value, k.description
FROM federated.config_keys k;
COMMENT ON VIEW federated_api.config_keys IS 'Keys that the config of a session may hold';

CREATE VIEW federated_api.algorithms WITH (security_invoker = true) AS
SELECT a.name, a.settings, a.description
FROM federated.algorithms a;
COMMENT ON VIEW federated_api.algorithms IS 'Algorithms: presets of config keys';

CREATE VIEW federated_api.tokens WITH (security_invoker = true) AS
SELECT t.jti, t.subject, t.role, t.host_id, t.issued_at, t.expires_at, t.revoked_at, t.issued_by
FROM federated.tokens t;
COMMENT ON VIEW federated_api.tokens IS 'Tokens that were issued; not the tokens themselves';

GRANT SELECT ON federated_api.workloads, federated_api.tensors, federated_api.config_keys, federated_api.algorithms,
	federated_api.sessions, federated_api.rounds, federated_api.versions, federated_api.participants,
	federated_api.contributions
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;
GRANT SELECT ON federated_api.islands TO federated_admin, federated_island, federated_viewer, federated_auditor;
GRANT SELECT ON federated_api.events TO federated_admin, federated_creator, federated_viewer, federated_auditor;
GRANT SELECT ON federated_api.rejections TO federated_admin, federated_island, federated_auditor;
GRANT SELECT ON federated_api.tokens TO federated_admin;
