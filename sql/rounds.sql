-- What can happen to a round and to a running session: deadlines, silence, the
-- more-than-half rule, extension, decline, leave, return, join.
SELECT test.workload('rounds', 0, 0) AS workload \gset
SELECT test.accept(:workload, 'abc');

-- Missing the deadline: dropped for this round, back in the next ---------------------
SELECT test.start('deadline', :workload, 3, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1,1}'), test.submit('b', :'sid', 1, '{3,3}');
SELECT federated.advance(:'sid') IS NULL AS waits_for_c;
SELECT test.pass_deadline(:'sid');
SELECT federated.advance(:'sid'), test.tasks(:'sid'), test.participants(:'sid');
CALL test.drive(:'sid');
SELECT test.weights(:'sid'), test.tasks(:'sid'), test.participants(:'sid');
SELECT test.submit('c', :'sid', 1, '{0,0}') AS returned;

-- Silence: b has a task and is not heard from
SELECT test.silence('b', :'sid');
SELECT test.wake('ac');
SELECT federated.advance(:'sid'), test.tasks(:'sid'), test.participants(:'sid');
SELECT test.submit('b', :'sid', 1, '{9,9}') LIKE 'rejected: stale_round: this Island is out of round %: not heard from for more than 86400 s' AS too_late;
SELECT test.submit('a', :'sid', 1, '{1,1}');
-- sending is a sign of life as well: b is back
CALL test.drive(:'sid');
SELECT test.weights(:'sid'), test.tasks(:'sid');

-- A suspended Island is out at once
SELECT test.run_as('regress_admin', $$SELECT federated_suspend_island('island-c', 'test')$$);
SELECT federated.advance(:'sid'), test.tasks(:'sid');
SELECT test.try('regress_c', 'SELECT federated_next_task()');
SELECT test.run_as('regress_admin', $$SELECT federated_reinstate_island('island-c')$$);
SELECT test.submit('a', :'sid', 1, '{0,0}'), test.submit('b', :'sid', 1, '{0,0}');
CALL test.drive(:'sid');
SELECT test.tasks(:'sid');
-- a straggler of the last evaluation costs nothing
SELECT test.evaluate('a', :'sid', 1);
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');

-- More than half gone: the session fails ----------------------------------------------
SELECT test.start('half', :workload, 3, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.silence('c', :'sid');
SELECT test.wake('ab');
-- one of three is not more than half
CALL test.drive(:'sid');
SELECT test.status(:'sid');
SELECT test.silence('bc', :'sid');
SELECT test.wake('a');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.tasks(:'sid');

-- Half of them exactly goes on
SELECT test.wake('abc');
SELECT test.start('two', :workload, 1, '{"min_participants": 2, "max_participants": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1,1}');
SELECT test.silence('b', :'sid');
SELECT test.wake('a');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT test.evaluate('a', :'sid', 1);
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');

-- Too few updates: extension -------------------------------------------------------------
SELECT test.wake('abc');
SELECT test.start('thin', :workload, 2, '{"min_participants": 3, "min_updates": 2, "max_extensions": 2, "round_timeout": 100}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{2,2}');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT r.state, r.extensions, r.deadline > now() + interval '90 s' AS has_time, test.tasks(:'sid') FROM federated.rounds r WHERE id = test.round(:'sid');
-- what came stays, and the next one is enough
SELECT test.submit('c', :'sid', 1, '{4,4}');
SELECT federated.advance(:'sid') IS NULL AS waits_for_b;
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.tasks(:'sid');
-- somebody who declined is asked again
SELECT test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''busy'')', test.round(:'sid')));
SELECT test.tasks(:'sid'), test.participants(:'sid');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.tasks(:'sid');
-- and in the end nobody came
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.status(:'sid');

-- Decline ------------------------------------------------------------------------------------
SELECT test.start('decline', :workload, 1, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.run_as('regress_a', format('SELECT federated_decline_task(%s, ''no disk'')', test.round(:'sid')));
SELECT test.run_as('regress_a', format('SELECT federated_decline_task(%s, ''again'')', test.round(:'sid')));
SELECT test.tasks(:'sid'), test.run_as('regress_a', 'SELECT federated_next_task()') IS NULL AS nothing_to_do;
SELECT test.submit('a', :'sid', 1, '{2,2}') LIKE 'rejected: stale_round: this Island is out of round %: no disk' AS declined_is_declined;
SELECT test.submit('b', :'sid', 1, '{2,2}');
-- what was handed in is not declined any more
SELECT test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''too late'')', test.round(:'sid')));
SELECT test.tasks(:'sid');
SELECT test.try('regress_d', format('SELECT federated_decline_task(%s, ''not mine'')', test.round(:'sid'))) LIKE 'P0002: Island "island-d" has no task in round %' AS not_mine;
SELECT test.try('regress_b', format('SELECT federated_decline_task(%s, NULL)', test.round(:'sid')));
SELECT test.run_as('regress_c', format('SELECT federated_decline_task(%s, ''no data'')', test.round(:'sid')));
CALL test.drive(:'sid');
SELECT test.status(:'sid');

-- Leave, for good ---------------------------------------------------------------------------------
SELECT test.start('leave', :workload, 2, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.run_as('regress_c', format('SELECT federated_leave(%L, ''maintenance'')', :'sid'));
SELECT test.run_as('regress_c', format('SELECT federated_leave(%L)', :'sid')) AS again;
SELECT test.submit('a', :'sid', 1, '{2,2}'), test.submit('b', :'sid', 1, '{2,2}');
-- b goes after it has sent: its update counts
SELECT test.tasks(:'sid'), test.participants(:'sid');
CALL test.drive(:'sid');
SELECT test.tasks(:'sid'), test.participants(:'sid');
SELECT test.submit('b', :'sid', 3, '{4,4}');
SELECT test.run_as('regress_b', format('SELECT federated_leave(%L)', :'sid'));
SELECT test.tasks(:'sid'), test.participants(:'sid');
SELECT federated.advance(:'sid') AS two_of_three_gone, test.status(:'sid');
SELECT test.submit('a', :'sid', 1, '{0,0}');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.weights(:'sid');
SELECT test.try('regress_d', format('SELECT federated_leave(%L)', :'sid')) LIKE 'P0002: Island "island-d" does not take part in session %' AS not_in;

-- Join between rounds -------------------------------------------------------------------------------
SELECT test.start('closed', :workload, 2) AS closed \gset
CALL test.drive(:'closed');
SELECT test.start('open', :workload, 2, '{"allow_join": true, "max_participants": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.accept(:workload, 'd');
SELECT test.submit(x, :'sid', 1, '{0,0}'), test.submit(x, :'closed', 1, '{0,0}') FROM unnest('{a,b,c}'::text[]) x;
CALL test.drive(:'sid');
CALL test.drive(:'closed');
SELECT test.tasks(:'sid'), test.tasks(:'closed');

-- Who dropped out once and is there does not count as gone, chosen again or not ----------------------
SELECT test.start('one by one', :workload, 9, '{"min_participants": 4, "participation_fraction": 0.5, "seed": 3}') AS one \gset
CALL test.drive(:'one');
SELECT test.tasks(:'one'), test.submit('d', :'one', 1, '{0,0}'), test.pass_deadline(:'one');
CALL test.drive(:'one');
SELECT test.tasks(:'one'), test.submit('a', :'one', 1, '{0,0}'), test.pass_deadline(:'one'), test.participants(:'one');
CALL test.drive(:'one');
SELECT test.tasks(:'one'), test.submit('d', :'one', 1, '{0,0}'), test.pass_deadline(:'one'), test.participants(:'one');
CALL test.drive(:'one');
SELECT test.status(:'one'), test.participants(:'one');
SELECT detail ->> 'host_id' AS returned FROM federated.events WHERE session_id = :'one' AND kind = 'participant_returned' ORDER BY id;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'one'));

-- Pause, resume, cancel ---------------------------------------------------------------------------------
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L)', :'sid'));
SELECT test.status(:'sid'), federated.advance(:'sid') IS NULL AS no_step;
SELECT test.run_as('regress_a', format('SELECT federated_next_task(%L)', :'sid')) IS NULL AS no_task;
SELECT test.submit('a', :'sid', 1, '{1,1}') AS still_taken;
SELECT test.try('regress_creator', format('SELECT federated_pause_session(%L)', :'sid')) LIKE '55000: session % cannot be paused | Its status is "paused".' AS twice;
SELECT test.pass_deadline(:'sid');
UPDATE federated.sessions SET paused_at = now() - interval '1 hour' WHERE id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT test.status(:'sid'), r.deadline > now() + interval '50 min' AS deadline_moved FROM federated.rounds r WHERE r.id = test.round(:'sid');
SELECT test.try('regress_creator', format('SELECT federated_resume_session(%L)', :'sid')) LIKE '55000: session % cannot be resumed | Its status is "training".' AS twice;
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L, ''lunch'')', :'sid'));
SELECT test.status(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L, ''enough'')', :'sid'));
SELECT test.status(:'sid'), test.tasks(:'sid');
SELECT test.submit('b', :'sid', 1, '{1,1}') LIKE 'rejected: stale_round: round % is abandoned' AS over;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'closed'));
SELECT test.status(:'closed');
-- a session that still recruits, too
SELECT test.start('recruiting', :workload, 2, '{"min_participants": 9, "recruit_timeout": 60}') AS sid \gset
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L)', :'sid'));
UPDATE federated.sessions SET paused_at = now() - interval '1 hour' WHERE id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT status, recruit_deadline > now() + interval '50 min' AS deadline_moved FROM federated.sessions WHERE id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- No isolation level but READ COMMITTED: an older snapshot would miss updates
SELECT test.start('isolation', :workload, 2) AS sid \gset
CALL test.drive(:'sid');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT test.try(current_user, format('SELECT federated.advance(%L)', :'sid'));
SELECT test.try('regress_a', format('SELECT federated_submit_update(%s, ''\x00'', 1)', test.round(:'sid')));
SELECT test.outcome('regress_a', format('SELECT federated_leave(%L)', :'sid')), test.outcome('regress_a', format('SELECT federated_decline_task(%s, ''x'')', test.round(:'sid')));
ROLLBACK;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Downtime is nobody's fault
SELECT test.start('downtime', :workload, 2, '{"round_timeout": 100}') AS sid \gset
CALL test.drive(:'sid');
UPDATE federated.rounds SET deadline = now() - interval '1 min' WHERE id = test.round(:'sid');
SELECT test.silence('abc', :'sid');
UPDATE federated.sessions SET silence_from = now() - interval '3 min' WHERE id = :'sid';
SELECT federated.credit_downtime(now() - interval '2 min', '0');
SELECT federated.advance(:'sid') IS NULL AS nobody_dropped, r.deadline > now() + interval '50 s' AS deadline_moved FROM federated.rounds r WHERE r.id = test.round(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT test.wake('abc');
-- Who leaves for good while Islands are recruited makes room
SELECT test.workload('places', 1) AS workload \gset
SELECT test.accept(:workload, 'a');
SELECT test.start('places', :workload, 1, '{"min_participants": 2, "max_participants": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.run_as('regress_a', format('SELECT federated_leave(%L)', :'sid'));
SELECT test.accept(:workload, 'bc');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
