-- Secure aggregation: what is stored of an attempt ----------------------------------------------
-- An attempt is one try to sum the masked updates of a round. Whatever else goes
-- wrong, these tables cannot hold t shares of both secrets of one Island: which
-- of the two may be stored is fixed with the set of updates (secagg_owners) and
-- never changes. Nobody is granted anything here; federated.secagg_progress
-- shows the states. Nothing of it is dumped but the task texts: an attempt goes
-- on where it began, or not at all.

CREATE TABLE federated.secagg_tasks (
	session_id	uuid PRIMARY KEY REFERENCES federated.sessions,
	task_text	bytea NOT NULL
);
COMMENT ON TABLE federated.secagg_tasks IS 'The canonical task text of each session with secure aggregation, built once when its training starts';
COMMENT ON COLUMN federated.secagg_tasks.task_text IS 'UTF-8, one line per key; its SHA-256 is bound into every attempt';

CREATE TABLE federated.secagg_attempts (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id	uuid NOT NULL REFERENCES federated.sessions,
	round_id	bigint NOT NULL REFERENCES federated.rounds,
	round_no	integer NOT NULL,
	attempt		integer NOT NULL CHECK (attempt > 0),
	protocol	text NOT NULL DEFAULT 'fsa1' CHECK (protocol IN ('fsa1')),
	state		text NOT NULL DEFAULT 'advertise'
				CHECK (state IN ('advertise', 'share', 'mask', 'agree', 'reveal', 'sum', 'done', 'aborted', 'failed')),
	mode		text NOT NULL CHECK (mode IN ('active', 'semi_honest')),
	base		bytea NOT NULL CHECK (octet_length(base) = 32),
	c0			bytea NOT NULL CHECK (octet_length(c0) = 32),
	range		float8 NOT NULL CHECK (range > 0),
	levels		bigint NOT NULL CHECK (levels > 0),
	clip		float8 NOT NULL,
	noise_var	bigint NOT NULL,
	aux_noise_var bigint NOT NULL,
	n			integer CHECK (n BETWEEN 3 AND 128),
	t			integer CHECK (t BETWEEN 1 AND n),
	ctx			bytea CHECK (octet_length(ctx) = 32),
	sets		bytea CHECK (octet_length(sets) = 32),
	deadline	timestamptz,
	extensions	integer NOT NULL DEFAULT 0,
	checked		bigint NOT NULL DEFAULT 0,
	excluded	bigint[] NOT NULL DEFAULT '{}',
	aux_sum		bigint[],
	reason		text,
	system_identifier bigint NOT NULL,
	database_oid oid NOT NULL,
	timeline	integer NOT NULL,
	began_at	timestamptz NOT NULL DEFAULT now(),
	ended_at	timestamptz,
	UNIQUE (session_id, round_no, attempt),
	CHECK (state IN ('advertise', 'aborted') OR (n IS NOT NULL AND t IS NOT NULL AND ctx IS NOT NULL)),
	CHECK (state NOT IN ('agree', 'reveal', 'sum', 'done', 'failed') OR sets IS NOT NULL),
	CHECK (clip = 0 AND noise_var = 0 AND aux_noise_var = 0 OR clip = range AND noise_var > 0 AND aux_noise_var >= 0)
);
CREATE UNIQUE INDEX secagg_one_live ON federated.secagg_attempts (session_id, round_no) WHERE state <> 'aborted';
CREATE UNIQUE INDEX secagg_one_reveal ON federated.secagg_attempts (session_id, base)
	WHERE state IN ('reveal', 'sum', 'done', 'failed');
CREATE INDEX ON federated.secagg_attempts (round_id);
CREATE INDEX ON federated.secagg_attempts (state) WHERE state IN ('agree', 'reveal');
COMMENT ON TABLE federated.secagg_attempts IS 'Tries to sum the masked updates of a round';
COMMENT ON COLUMN federated.secagg_attempts.round_no IS 'As Islands count: the round''s number; the evaluation after the last is a round of its own';
COMMENT ON COLUMN federated.secagg_attempts.base IS 'Hash of the model that is trained on: at most one revealed sum each';
COMMENT ON COLUMN federated.secagg_attempts.c0 IS 'Hash of all that is fixed before anybody advertises';
COMMENT ON COLUMN federated.secagg_attempts.range IS 'R: what the largest integer of an update stands for';
COMMENT ON COLUMN federated.secagg_attempts.levels IS 'Q: that integer';
COMMENT ON COLUMN federated.secagg_attempts.clip IS 'Clip norm, where Islands clip and add noise; else 0, as the next two';
COMMENT ON COLUMN federated.secagg_attempts.noise_var IS 'Variance of the noise that each Island adds to each integer';
COMMENT ON COLUMN federated.secagg_attempts.aux_noise_var IS 'Of the noise that it adds to its share of the count; 0 without adaptive clipping';
COMMENT ON COLUMN federated.secagg_attempts.n IS 'Islands in the roster';
COMMENT ON COLUMN federated.secagg_attempts.t IS 'Shares that make a secret';
COMMENT ON COLUMN federated.secagg_attempts.ctx IS 'Hash of c0 and the roster';
COMMENT ON COLUMN federated.secagg_attempts.sets IS 'Hash of ctx, who shared and whose update is summed';
COMMENT ON COLUMN federated.secagg_attempts.deadline IS 'Of the current stage; while updates come in, the round''s counts';
COMMENT ON COLUMN federated.secagg_attempts.extensions IS 'How often the current stage was extended';
COMMENT ON COLUMN federated.secagg_attempts.checked IS 'Reveals that were there when shares were last put together in vain';
COMMENT ON COLUMN federated.secagg_attempts.excluded IS 'Islands left out: earlier attempts of the round failed by their shares';
COMMENT ON COLUMN federated.secagg_attempts.aux_sum IS 'The unmasked sum of the aux values: weights, updates, clamped values, metrics';
COMMENT ON COLUMN federated.secagg_attempts.timeline IS 'Together with cluster and database: where it began, and where alone it goes on before it is revealed';

CREATE TABLE federated.secagg_members (
	attempt_id	bigint NOT NULL REFERENCES federated.secagg_attempts,
	island_id	bigint NOT NULL REFERENCES federated.islands,
	u			integer CHECK (u BETWEEN 1 AND 128),
	pid			bytea NOT NULL CHECK (octet_length(pid) = 16),
	adv			bytea NOT NULL CHECK (octet_length(adv) = 112),
	identity_pk	bytea CHECK (octet_length(identity_pk) = 32),
	signature	bytea CHECK (octet_length(signature) = 64),
	shares_digest bytea CHECK (octet_length(shares_digest) = 32),
	complaints	integer[],
	upload_signature bytea CHECK (octet_length(upload_signature) = 64),
	agreement	bytea CHECK (octet_length(agreement) = 64),
	reveal_digest bytea CHECK (octet_length(reveal_digest) = 32),
	advertised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	shared_at	timestamptz,
	agreed_at	timestamptz,
	revealed_at	timestamptz,
	PRIMARY KEY (attempt_id, island_id),
	UNIQUE (attempt_id, u),
	UNIQUE (attempt_id, pid),
	CHECK ((shares_digest IS NULL) = (shared_at IS NULL)),
	CHECK ((agreement IS NULL) = (agreed_at IS NULL)),
	CHECK ((reveal_digest IS NULL) = (revealed_at IS NULL))
);
COMMENT ON TABLE federated.secagg_members IS 'Islands of an attempt and what each has said';
COMMENT ON COLUMN federated.secagg_members.u IS 'Place in the roster, from 1, by ascending pid; NULL until it is frozen, and for who came too late';
COMMENT ON COLUMN federated.secagg_members.pid IS 'Name in the attempt: the first half of the hash of the identity key, or random';
COMMENT ON COLUMN federated.secagg_members.adv IS 'Its advertisement: pid, two public keys, a commitment';
COMMENT ON COLUMN federated.secagg_members.signature IS 'Of the advertisement';
COMMENT ON COLUMN federated.secagg_members.complaints IS 'Owners whose envelopes it could not open';
COMMENT ON COLUMN federated.secagg_members.shares_digest IS 'SHA-256 of the envelopes that it sent, which go with the round';
COMMENT ON COLUMN federated.secagg_members.agreement IS 'Its signature under the sets';
COMMENT ON COLUMN federated.secagg_members.reveal_digest IS 'SHA-256 of the shares that it revealed, which go with the round';

CREATE TABLE federated.secagg_keys_seen (
	session_id	uuid NOT NULL REFERENCES federated.sessions,
	key32		bytea NOT NULL CHECK (octet_length(key32) = 32),
	PRIMARY KEY (session_id, key32)
);
COMMENT ON TABLE federated.secagg_keys_seen IS 'Public keys that were advertised: none twice in a session';

CREATE TABLE federated.secagg_envelopes (
	attempt_id	bigint NOT NULL,
	owner		integer NOT NULL,
	holder		integer NOT NULL CHECK (holder <> owner),
	envelope	bytea NOT NULL CHECK (octet_length(envelope) = 94),
	PRIMARY KEY (attempt_id, owner, holder),
	FOREIGN KEY (attempt_id, owner) REFERENCES federated.secagg_members (attempt_id, u),
	FOREIGN KEY (attempt_id, holder) REFERENCES federated.secagg_members (attempt_id, u)
);
COMMENT ON TABLE federated.secagg_envelopes IS 'Sealed shares on their way from owner to holder';

CREATE TABLE federated.secagg_aux (
	attempt_id	bigint NOT NULL,
	u			integer NOT NULL,
	aux			bytea NOT NULL,
	PRIMARY KEY (attempt_id, u),
	FOREIGN KEY (attempt_id, u) REFERENCES federated.secagg_members (attempt_id, u)
);
COMMENT ON TABLE federated.secagg_aux IS 'The masked aux values of each update';

CREATE TABLE federated.secagg_owners (
	attempt_id	bigint NOT NULL REFERENCES federated.secagg_attempts,
	owner		integer NOT NULL,
	disposition	text NOT NULL CHECK (disposition IN ('b', 'sk')),
	PRIMARY KEY (attempt_id, owner),
	UNIQUE (attempt_id, owner, disposition),
	FOREIGN KEY (attempt_id, owner) REFERENCES federated.secagg_members (attempt_id, u)
);
COMMENT ON TABLE federated.secagg_owners IS 'Which secret of each Island that shared may be put together: fixed once, with the set of updates';
COMMENT ON COLUMN federated.secagg_owners.disposition IS 'b: its own mask, its update is summed; sk: its pair masks, it has dropped out';

CREATE TABLE federated.secagg_reveals (
	attempt_id	bigint NOT NULL,
	owner		integer NOT NULL,
	revealer	integer NOT NULL,
	kind		text NOT NULL,
	x			integer NOT NULL,
	share		bytea NOT NULL CHECK (octet_length(share) = 32),
	PRIMARY KEY (attempt_id, owner, revealer),
	CHECK (x = revealer),
	FOREIGN KEY (attempt_id, owner, kind) REFERENCES federated.secagg_owners (attempt_id, owner, disposition),
	FOREIGN KEY (attempt_id, revealer) REFERENCES federated.secagg_members (attempt_id, u)
);
COMMENT ON TABLE federated.secagg_reveals IS 'Shares that Islands gave away: of one secret of each owner';

-- What may never change

CREATE FUNCTION federated.refuse_secagg_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('%s of federated.%s is not allowed', TG_OP, TG_TABLE_NAME),
		DETAIL = 'What Islands have relied on in an attempt never changes.';
END
$$;
COMMENT ON FUNCTION federated.refuse_secagg_change() IS 'Trigger: refuses (55000) every change that it is called for';

-- In active mode for signatures, with noise of the Islands for the charge.
CREATE FUNCTION federated.waits_in_agree(attempt federated.secagg_attempts) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN attempt.mode = 'active' OR attempt.clip > 0; END $$;
COMMENT ON FUNCTION federated.waits_in_agree(federated.secagg_attempts) IS
	'Whether something comes between the freeze of an attempt''s set and the opening of its reveal: signatures, or the charge of a private round';

CREATE FUNCTION federated.guard_secagg_attempt() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (old.id, old.session_id, old.round_id, old.round_no, old.attempt, old.protocol, old.mode, old.base, old.c0, old.range,
		old.levels, old.clip, old.noise_var, old.aux_noise_var, old.excluded, old.system_identifier, old.database_oid, old.timeline,
		old.began_at)
		IS DISTINCT FROM (new.id, new.session_id, new.round_id, new.round_no, new.attempt, new.protocol, new.mode, new.base, new.c0,
						  new.range, new.levels, new.clip, new.noise_var, new.aux_noise_var, new.excluded, new.system_identifier,
						  new.database_oid, new.timeline, new.began_at)
		OR (old.n IS NOT NULL AND (old.n, old.t, old.ctx) IS DISTINCT FROM (new.n, new.t, new.ctx))
		OR (old.sets IS NOT NULL AND old.sets IS DISTINCT FROM new.sets)
		OR (old.aux_sum IS NOT NULL AND old.aux_sum IS DISTINCT FROM new.aux_sum) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s is bound to what it was', old.attempt, old.round_no),
			DETAIL = 'Islands have computed with it: its mode, base, c0, grid, noise, n, t, ctx and sets are written once.';
	ELSIF old.state <> new.state AND NOT (CASE new.state
		WHEN 'share' THEN old.state = 'advertise'
		WHEN 'mask' THEN old.state = 'share'
		WHEN 'agree' THEN old.state = 'mask' AND federated.waits_in_agree(old)
		WHEN 'reveal' THEN old.state = CASE WHEN federated.waits_in_agree(old) THEN 'agree' ELSE 'mask' END
		WHEN 'sum' THEN old.state = 'reveal'
		WHEN 'done' THEN old.state = 'sum'
		WHEN 'aborted' THEN old.state IN ('advertise', 'share', 'mask', 'agree')
		WHEN 'failed' THEN old.state IN ('reveal', 'sum')
		ELSE false END) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s cannot go from "%s" to "%s"', old.attempt, old.round_no, old.state, new.state),
			DETAIL = 'Allowed: advertise, share, mask, agree (mode active, or with noise), reveal, sum, done; aborted before reveal, failed after.';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_secagg_attempt() IS
	'Trigger: an attempt moves along its arrows only (55000), and what it is bound to is written once';

CREATE FUNCTION federated.guard_new_attempt() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF new.state <> 'advertise' OR num_nonnulls(new.n, new.t, new.ctx, new.sets, new.aux_sum, new.ended_at) > 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s cannot begin in state "%s"', new.attempt, new.round_no, new.state),
			DETAIL = 'An attempt begins in state advertise; roster and sets come with its stages.';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_new_attempt() IS 'Trigger: an attempt begins at its beginning (55000)';

CREATE FUNCTION federated.guard_secagg_member() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	belongs CONSTANT text := CASE
		WHEN old.u IS DISTINCT FROM new.u THEN 'advertise'
		WHEN old.shared_at IS DISTINCT FROM new.shared_at THEN 'share'
		WHEN (old.complaints, old.upload_signature) IS DISTINCT FROM (new.complaints, new.upload_signature) THEN 'mask'
		WHEN old.agreed_at IS DISTINCT FROM new.agreed_at THEN 'agree'
		WHEN old.revealed_at IS DISTINCT FROM new.revealed_at THEN 'reveal' END;
	state text;
BEGIN
	IF (old.attempt_id, old.island_id, old.pid, old.adv, old.identity_pk, old.signature)
		IS DISTINCT FROM (new.attempt_id, new.island_id, new.pid, new.adv, new.identity_pk, new.signature)
		OR (old.u IS NOT NULL AND old.u IS DISTINCT FROM new.u)
		OR (old.shared_at IS NOT NULL AND (old.shares_digest, old.shared_at) IS DISTINCT FROM (new.shares_digest, new.shared_at))
		OR (old.revealed_at IS NOT NULL AND (old.reveal_digest, old.revealed_at) IS DISTINCT FROM (new.reveal_digest, new.revealed_at))
		OR (old.complaints IS NOT NULL AND old.complaints IS DISTINCT FROM new.complaints)
		OR (old.upload_signature IS NOT NULL AND old.upload_signature IS DISTINCT FROM new.upload_signature)
		OR (old.agreement IS NOT NULL AND (old.agreement, old.agreed_at) IS DISTINCT FROM (new.agreement, new.agreed_at)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'what an Island has said in an attempt is written once';
	END IF;
	-- Who has shared is U2, and other Islands count on it.
	SELECT a.state INTO state FROM federated.secagg_attempts a WHERE a.id = new.attempt_id;
	IF belongs <> state THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('an attempt in state "%s" takes nothing that belongs to "%s"', state, belongs);
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_secagg_member() IS
	'Trigger: columns of secagg_members are written once, each in its state of the attempt (55000)';

CREATE FUNCTION federated.guard_new_member() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT a.state FROM federated.secagg_attempts a WHERE a.id = new.attempt_id) <> 'advertise'
		OR num_nonnulls(new.u, new.shared_at, new.complaints, new.upload_signature, new.agreed_at, new.revealed_at) > 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'an Island comes into an attempt in state "advertise", with its advertisement and nothing else';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_new_member() IS 'Trigger: the roster is not added to later (55000)';

-- Who shared, and whose update is in: read once, by the statement that ends
-- state mask. The caller has locked the round against every commit.
CREATE FUNCTION federated.freeze_secagg_owners() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shared integer[];
	summed integer[];
BEGIN
	INSERT INTO federated.secagg_owners (attempt_id, owner, disposition)
	SELECT new.id, m.u, CASE WHEN u.id IS NULL THEN 'sk' ELSE 'b' END
	FROM federated.secagg_members m
	LEFT JOIN federated.updates u ON u.round_id = new.round_id AND u.island_id = m.island_id AND u.state = 'accepted'
		AND u.secagg_attempt = new.attempt
	WHERE m.attempt_id = new.id AND m.u IS NOT NULL AND m.shared_at IS NOT NULL;
	SELECT array_agg(o.owner ORDER BY o.owner), array_agg(o.owner ORDER BY o.owner) FILTER (WHERE o.disposition = 'b')
	INTO shared, summed
	FROM federated.secagg_owners o WHERE o.attempt_id = new.id;
	IF coalesce(cardinality(summed), 0) < greatest(new.t, 3) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('a sum of %s updates is never revealed', coalesce(cardinality(summed), 0)),
			DETAIL = format('Attempt %s of round %s needs %s.', new.attempt, new.round_no, greatest(new.t, 3));
	END IF;
	new.sets := federated.secagg_sets(new.ctx, shared, summed);
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.freeze_secagg_owners() IS
	'Trigger: with the end of state mask, in the same statement, it is fixed which secret of each Island may be revealed';

CREATE FUNCTION federated.guard_secagg_owner() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Only inside the statement that freezes the set (freeze_secagg_owners).
	IF pg_trigger_depth() < 2
		OR (SELECT a.state FROM federated.secagg_attempts a WHERE a.id = new.attempt_id) IS DISTINCT FROM 'mask' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'what may be revealed of an Island is fixed by the freeze alone';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_secagg_owner() IS 'Trigger: dispositions come with the freeze and at no other time (55000)';

CREATE FUNCTION federated.guard_secagg_reveal() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT a.state FROM federated.secagg_attempts a WHERE a.id = new.attempt_id) IS DISTINCT FROM 'reveal'
		OR NOT EXISTS (SELECT FROM federated.secagg_owners o
					   WHERE o.attempt_id = new.attempt_id AND o.owner = new.revealer AND o.disposition = 'b') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'a share can be revealed only while the attempt waits for it, by an Island whose update is summed';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_secagg_reveal() IS 'Trigger: shares come in state reveal, from members of the set (55000)';

CREATE TRIGGER guard BEFORE UPDATE ON federated.secagg_attempts FOR EACH ROW EXECUTE FUNCTION federated.guard_secagg_attempt();
CREATE TRIGGER guard_new BEFORE INSERT ON federated.secagg_attempts FOR EACH ROW EXECUTE FUNCTION federated.guard_new_attempt();
CREATE TRIGGER fix_sets BEFORE UPDATE ON federated.secagg_attempts FOR EACH ROW
	WHEN (old.state = 'mask' AND new.state IN ('agree', 'reveal')) EXECUTE FUNCTION federated.freeze_secagg_owners();
CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON federated.secagg_attempts
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER guard BEFORE UPDATE ON federated.secagg_members FOR EACH ROW EXECUTE FUNCTION federated.guard_secagg_member();
CREATE TRIGGER guard_new BEFORE INSERT ON federated.secagg_members FOR EACH ROW EXECUTE FUNCTION federated.guard_new_member();
CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON federated.secagg_members
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.secagg_keys_seen
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.secagg_tasks
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER guard BEFORE INSERT ON federated.secagg_owners FOR EACH ROW EXECUTE FUNCTION federated.guard_secagg_owner();
CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.secagg_owners
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER guard BEFORE INSERT ON federated.secagg_reveals FOR EACH ROW EXECUTE FUNCTION federated.guard_secagg_reveal();
CREATE TRIGGER keep BEFORE UPDATE OR TRUNCATE ON federated.secagg_reveals
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER keep BEFORE UPDATE OR TRUNCATE ON federated.secagg_envelopes
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();
CREATE TRIGGER keep BEFORE UPDATE OR TRUNCATE ON federated.secagg_aux
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_secagg_change();

ALTER TABLE federated.secagg_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_keys_seen ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_envelopes ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_aux ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_owners ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.secagg_reveals ENABLE ROW LEVEL SECURITY;
