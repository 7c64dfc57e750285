-- Differential privacy: what was fixed, and what was charged ---------------------------------------
-- Epsilon is not stored: it is computed from the charges. A charge is written
-- before the first noisy page of a round, in a transaction of its own, and is
-- never taken back.

CREATE TABLE federated.session_privacy (
	session_id		uuid PRIMARY KEY REFERENCES federated.sessions,
	participants	integer NOT NULL CHECK (participants > 0),
	delta			float8 NOT NULL CHECK (delta > 0 AND delta < 1),
	divisor			float8 NOT NULL CHECK (divisor > 0),
	first_clip_norm	float8 NOT NULL CHECK (first_clip_norm > 0),
	count_noise		float8 CHECK (count_noise > 0),
	settled_at		timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE federated.session_privacy IS 'What of a session''s privacy is fixed when its training starts';
COMMENT ON COLUMN federated.session_privacy.participants IS 'max_participants where it was given, otherwise the participants when training started: what delta is small against';
COMMENT ON COLUMN federated.session_privacy.divisor IS 'What each noised sum is divided by, whoever takes part';
COMMENT ON COLUMN federated.session_privacy.first_clip_norm IS 'Clip norm of the first round, and of all without adaptive clipping';
COMMENT ON COLUMN federated.session_privacy.count_noise IS 'Standard deviation of the noise on the count of updates within the clip norm; NULL without adaptive clipping';

CREATE TABLE federated.privacy_charges (
	id				bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id		uuid NOT NULL REFERENCES federated.sessions,
	round_id		bigint REFERENCES federated.rounds,
	round_no		integer NOT NULL,
	version_id		bigint UNIQUE REFERENCES federated.model_versions,
	charged_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	mechanism		text NOT NULL CHECK (mechanism IN ('central', 'local', 'distributed')),
	noise_multiplier float8 NOT NULL CHECK (noise_multiplier > 0),
	update_noise_multiplier float8 NOT NULL CHECK (update_noise_multiplier > 0),
	clip_norm		float8 NOT NULL CHECK (clip_norm > 0),
	grid			float8 NOT NULL CHECK (grid > 0),
	noise_variance	bigint NOT NULL CHECK (noise_variance > 0),
	divisor			float8 NOT NULL CHECK (divisor > 0),
	sampling		text NOT NULL CHECK (sampling IN ('none', 'poisson', 'fixed')),
	sampling_rate	float8 NOT NULL CHECK (sampling_rate > 0 AND sampling_rate <= 1),
	cohort			integer NOT NULL CHECK (cohort >= 0),
	delta			float8 NOT NULL CHECK (delta > 0 AND delta < 1),
	count_noise		float8 CHECK (count_noise > 0),
	released_fraction float8 CHECK (released_fraction BETWEEN 0 AND 1),
	insecure_seed	boolean NOT NULL DEFAULT false,
	lost			boolean NOT NULL DEFAULT false,
	CHECK (lost OR (round_id IS NOT NULL AND version_id IS NOT NULL)),
	CHECK (sampling <> 'none' OR sampling_rate = 1)
);
CREATE INDEX ON federated.privacy_charges (session_id, id);
CREATE INDEX ON federated.privacy_charges (round_id, id);
COMMENT ON TABLE federated.privacy_charges IS 'Append-only: every time that a round''s noised result was going to be made, with all that its epsilon depends on';
COMMENT ON COLUMN federated.privacy_charges.round_id IS 'Round concerned; NULL for one that the books may have lost';
COMMENT ON COLUMN federated.privacy_charges.version_id IS 'Version that the noised result becomes: a round that is frozen again makes another and is charged again';
COMMENT ON COLUMN federated.privacy_charges.mechanism IS 'Who adds the noise: the coordinator (central), each Island by itself (local), or the Islands together (distributed)';
COMMENT ON COLUMN federated.privacy_charges.noise_multiplier IS 'What the accountant counts: of all that the round releases together';
COMMENT ON COLUMN federated.privacy_charges.update_noise_multiplier IS 'Of the sum of updates alone; larger than noise_multiplier with adaptive clipping, whose count is released beside it';
COMMENT ON COLUMN federated.privacy_charges.clip_norm IS 'L2 norm to which each update was clipped';
COMMENT ON COLUMN federated.privacy_charges.grid IS 'One step of the integers that are summed and noised';
COMMENT ON COLUMN federated.privacy_charges.noise_variance IS 'Of the discrete Gaussian, in squared steps of the grid';
COMMENT ON COLUMN federated.privacy_charges.divisor IS 'What the noised sum is divided by';
COMMENT ON COLUMN federated.privacy_charges.sampling IS 'How the round''s Islands were drawn, where privacy gains from it';
COMMENT ON COLUMN federated.privacy_charges.sampling_rate IS 'Probability of an Island to be drawn; 1 where nothing is gained';
COMMENT ON COLUMN federated.privacy_charges.cohort IS 'Updates that went in; for the administrator alone where Islands are drawn';
COMMENT ON COLUMN federated.privacy_charges.count_noise IS 'Standard deviation of the noise on the count of updates within the clip norm; NULL without adaptive clipping';
COMMENT ON COLUMN federated.privacy_charges.released_fraction IS 'That count, noised, as a share; NULL until the round is closed, and without adaptive clipping';
COMMENT ON COLUMN federated.privacy_charges.insecure_seed IS 'The noise came from a test seed and protects nobody';
COMMENT ON COLUMN federated.privacy_charges.lost IS 'Charged by an administrator for a round that the books may have lost';

CREATE TABLE federated.privacy_participants (
	charge_id	bigint NOT NULL REFERENCES federated.privacy_charges,
	island_id	bigint NOT NULL REFERENCES federated.islands,
	PRIMARY KEY (charge_id, island_id)
);
CREATE INDEX ON federated.privacy_participants (island_id);
COMMENT ON TABLE federated.privacy_participants IS 'Append-only: whose updates went into what was charged';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.session_privacy
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON federated.privacy_charges
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();
-- The one thing that is added later: what the closing round released.
CREATE TRIGGER only_release BEFORE UPDATE ON federated.privacy_charges
	FOR EACH ROW WHEN (old.released_fraction IS NOT NULL OR new.released_fraction IS NULL
					   OR to_jsonb(new) - 'released_fraction' <> to_jsonb(old) - 'released_fraction')
	EXECUTE FUNCTION federated.refuse_event_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.privacy_participants
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();

ALTER TABLE federated.session_privacy ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.privacy_charges ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.privacy_participants ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_visible ON federated.session_privacy FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island
	USING (federated.sees_session(session_id));
CREATE POLICY read_visible ON federated.privacy_charges FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island
	USING (federated.sees_session(session_id));
CREATE POLICY read_all ON federated.privacy_participants FOR SELECT TO federated_admin USING (true);
CREATE POLICY read_own ON federated.privacy_participants FOR SELECT TO federated_island
	USING (island_id = (SELECT federated.caller_island()));
-- Who took part is in the tasks, too, unless the Islands are drawn.
CREATE POLICY read_visible ON federated.privacy_participants FOR SELECT
	TO federated_creator, federated_viewer, federated_auditor
	USING (EXISTS (SELECT FROM federated.privacy_charges c JOIN federated.sessions s ON s.id = c.session_id
				   WHERE c.id = charge_id AND s.config ->> 'dp_sampling' = 'none'));
GRANT SELECT ON federated.session_privacy, federated.privacy_participants
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
GRANT SELECT ON federated.privacy_charges TO federated_admin;
-- All but the cohort.
GRANT SELECT (id, session_id, round_id, round_no, version_id, charged_at, mechanism, noise_multiplier, update_noise_multiplier,
			  clip_norm, grid, noise_variance, divisor, sampling, sampling_rate, delta, count_noise, released_fraction, insecure_seed, lost)
	ON federated.privacy_charges TO federated_creator, federated_viewer, federated_auditor, federated_island;
