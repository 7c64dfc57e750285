-- Secure aggregation: the steps of an attempt ---------------------------------------------------------

CREATE FUNCTION federated.early_stage(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	counts record;
	overdue CONSTANT boolean := attempt.deadline <= now();
BEGIN
	SELECT * INTO counts FROM federated.attempt_counts(attempt);
	IF attempt.state = 'advertise' THEN
		IF counts.advertised >= federated.fewest_updates(session) AND (overdue OR counts.missing = 0) THEN
			RETURN federated.freeze_roster(session, round, attempt);
		ELSIF overdue THEN
			RETURN federated.extend_attempt(session, round, attempt, counts.advertised, federated.fewest_updates(session));
		END IF;
	ELSIF overdue OR counts.sharing = 0 THEN
		IF counts.shared >= federated.fewest_summed(session, attempt) THEN
			RETURN federated.freeze_shares(session, round, attempt);
		END IF;
		RETURN federated.try_again(session, round, attempt, format('%s of %s Islands have sent their shares',
																   counts.shared, federated.fewest_summed(session, attempt)));
	END IF;
	RETURN federated.after_drop(session, NULL);
END
$$;
COMMENT ON FUNCTION federated.early_stage(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'What is due in states advertise and share: freeze, extend or try again; NULL: nothing';

CREATE FUNCTION federated.mask_stage(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	counts record;
	needed CONSTANT integer := federated.fewest_summed(session, attempt);
	accused CONSTANT bigint := federated.accused_owner(attempt);
	overdue CONSTANT boolean := round.deadline <= now();
BEGIN
	SELECT * INTO counts FROM federated.attempt_counts(attempt);
	IF accused IS NOT NULL THEN
		RETURN federated.try_again(session, round, attempt, format('the shares of Island "%s" do not open',
			(SELECT i.host_id FROM federated.islands i WHERE i.id = accused)), accused);
	ELSIF counts.committed >= needed AND (overdue OR counts.masking = 0) AND federated.can_open(attempt) THEN
		RETURN federated.freeze_sum(session, round, attempt);
	ELSIF counts.committed >= needed AND (overdue AND attempt.extensions > 0 OR counts.masking = 0) THEN
		RETURN federated.try_again(session, round, attempt,
			format('fewer than %s Islands whose updates are in hold shares of each other that open', attempt.t));
	ELSIF counts.masking + counts.committed < needed AND attempt.extensions > 0 THEN
		RETURN federated.try_again(session, round, attempt, format('%s of %s updates can still come', counts.masking + counts.committed, needed));
	ELSIF overdue THEN
		RETURN federated.extend_attempt(session, round, attempt, counts.committed, needed);
	END IF;
	RETURN federated.after_drop(session, NULL);
END
$$;
COMMENT ON FUNCTION federated.mask_stage(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'What is due while masked updates come in: freeze, extend or try again; NULL: nothing';

CREATE FUNCTION federated.secagg_step(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attempt federated.secagg_attempts := federated.live_attempt(round.id);
	step text;
BEGIN
	IF attempt.id IS NULL THEN
		-- Attempts are not dumped: this round was restored without its own.
		RETURN federated.fail_session(session, format('the attempt of round %s is lost: it goes on where it began, or not at all', round.round_no));
	ELSIF federated.attempt_elsewhere(attempt) THEN
		RETURN federated.try_again(session, round, attempt, 'the coordinator was recovered to an earlier state');
	ELSIF attempt.state IN ('advertise', 'share', 'mask') THEN
		IF federated.drop_silent_tasks(session, round) > 0 THEN
			RETURN federated.after_drop(session, 'participants_dropped');
		ELSIF attempt.state = 'mask' THEN
			RETURN federated.mask_stage(session, round, attempt);
		END IF;
		RETURN federated.early_stage(session, round, attempt);
	ELSIF attempt.state = 'agree' AND federated.agreement_due(attempt) <= now() THEN
		IF federated.can_open(attempt) THEN
			step := federated.charge_attempt(session, round);
			RETURN CASE WHEN step IS NULL THEN federated.open_reveal(session, attempt) ELSE step END;
		END IF;
		RETURN federated.try_again(session, round, attempt, format('fewer than %s Islands have signed and hold shares that open', attempt.t));
	ELSIF attempt.state = 'reveal' THEN
		IF federated.shares_due(attempt) THEN
			RETURN federated.open_sum(session, round, attempt);
		ELSIF attempt.deadline <= now() THEN
			RETURN federated.fail_reveal(session, attempt);
		END IF;
	ELSIF attempt.state = 'sum' THEN
		RETURN CASE round.kind WHEN 'train' THEN federated.aggregate(session, round) ELSE federated.close_evaluation(session, round) END;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.secagg_step(federated.sessions, federated.rounds) IS
	'The next due step of a round with secure aggregation; NULL when nothing is due';

CREATE FUNCTION federated.awaits_messages(round federated.rounds) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN round.state = 'aggregating' AND coalesce((federated.live_attempt(round.id)).state IN ('agree', 'reveal'), false);
END
$$;
COMMENT ON FUNCTION federated.awaits_messages(federated.rounds) IS
	'Whether Islands still send to a round whose set is frozen: signatures and shares';
