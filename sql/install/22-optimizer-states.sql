-- What the server's optimiser remembers -------------------------------------------------------------
-- Vectors as long as the model, such as a momentum. A round reads those that the
-- round before it left and writes its own, page for page with its result, so that
-- model and optimiser change in one transaction. They belong to a session and go
-- with its end.

CREATE TABLE federated.optimizer_states (
	round_id	bigint NOT NULL REFERENCES federated.rounds,
	position	integer NOT NULL CHECK (position > 0),
	vector_id	bigint NOT NULL REFERENCES federated.vectors ON DELETE CASCADE,
	PRIMARY KEY (round_id, position)
);
CREATE INDEX ON federated.optimizer_states (vector_id);
COMMENT ON TABLE federated.optimizer_states IS 'Vectors of the server''s optimiser as a round leaves them';
COMMENT ON COLUMN federated.optimizer_states.position IS 'Which of the optimiser''s states it is: place in federated.server_optimizers.states';
ALTER TABLE federated.optimizer_states ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION federated.state_before(round_id bigint, "position" integer) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.vector_id
	FROM federated.rounds r
	JOIN federated.rounds b ON b.session_id = r.session_id AND b.result_version_id = r.base_version_id AND b.state = 'closed'
	JOIN federated.optimizer_states s ON s.round_id = b.id AND s.position = $2
	WHERE r.id = $1
$$;
COMMENT ON FUNCTION federated.state_before(bigint, integer) IS
	'The state that the round left which made this round''s base; NULL in the first';

CREATE FUNCTION federated.state_count(session federated.sessions) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(cardinality(o.states), 0) FROM federated.server_optimizers o WHERE o.name = $1.config ->> 'server_optimizer'
$$;
COMMENT ON FUNCTION federated.state_count(federated.sessions) IS 'How many vectors the server''s optimiser of a session keeps';

-- Named by the version that is made with them: a round that is frozen again makes
-- another, while the tables of the first wait to be dropped.
CREATE FUNCTION federated.create_states(session federated.sessions, round federated.rounds, result_id bigint, bytes bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation name;
BEGIN
	FOR place IN 1 .. federated.state_count(session)
	LOOP
		relation := format('state_%s_%s', result_id, place);
		PERFORM federated.create_page_table(relation);
		INSERT INTO federated.optimizer_states VALUES (round.id, place, federated.create_vector(relation, bytes));
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.create_states(federated.sessions, federated.rounds, bigint, bigint) IS
	'The optimiser''s states that a round makes, with no pages yet';

CREATE FUNCTION federated.retire_states(session_id uuid, keep_round bigint DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.retire_page_table(v.relation)
	FROM federated.rounds r
	JOIN federated.optimizer_states s ON s.round_id = r.id
	JOIN federated.vectors v ON v.id = s.vector_id
	WHERE r.session_id = $1 AND r.id IS DISTINCT FROM $2
$$;
COMMENT ON FUNCTION federated.retire_states(uuid, bigint) IS
	'Give up the optimiser''s states of a session, but for those that one round left';

CREATE FUNCTION federated.abandon_states(round federated.rounds) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.retire_page_table(v.relation)
	FROM federated.optimizer_states s JOIN federated.vectors v ON v.id = s.vector_id
	WHERE s.round_id = $1.id
$$;
COMMENT ON FUNCTION federated.abandon_states(federated.rounds) IS
	'Give up the states that a round was making; those that it started from stay';
