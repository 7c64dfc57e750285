#!/usr/bin/python3
"""A coordinator that is recovered to an earlier time, while its Islands are where they are. Needs a fresh server."""

import os
import tempfile
import unittest

import fsa1
import numpy
import psycopg
from case import Case, player, server
from cluster import Cluster

ISLANDS = [1, 2, 3, 4]
TWO_SLICES = 262080 + 17


class Play:
    """One of the sessions that the coordinator forgets the end of."""

    begin, until, act = Case.begin, Case.until, Case.act

    def lead(self, state, numbers=(), count=10, **config):
        self.begin(ISLANDS, count, **config)
        self.until(state)
        self.act(*numbers)
        return self

    def result(self):
        return server().weights(self.session).tobytes()

    def row(self):
        return server().run("SELECT ctx, sets, state FROM federated.secagg_attempts WHERE session_id = %s ORDER BY id", self.session)


class Recovery(Case):
    """Copied, led on to where each session is in another state, marked, led to its end; then recovered to the mark."""

    @classmethod
    def setUpClass(cls):
        cls.live = Cluster.of(server())
        server().run("ALTER SYSTEM SET wal_keep_size = '1GB'")
        server().run("SELECT pg_reload_conf()")
        work = tempfile.TemporaryDirectory(dir=os.path.dirname(cls.live.directory), ignore_cleanup_errors=True)
        os.chmod(work.name, 0o755)
        cls.addClassCleanup(work.cleanup)
        cls.addClassCleanup(cls.back)
        cls.copy = cls.live.copy(os.path.join(work.name, "copy"))
        cls.lead_on()
        server().run("SELECT pg_create_restore_point('mark')")
        cls.end()
        server().run("SELECT pg_switch_wal()")
        cls.live.stop()
        os.environ["PGHOST"] = cls.copy.socket
        cls.copy.recover(cls.live, "mark")
        server().reopen()

    @classmethod
    def lead_on(cls):
        cls.mask, cls.agree, cls.few = (Play().lead("mask", [1, 2]), Play().lead("agree", [1, 2]), Play().lead("mask", [1, 2]))
        cls.reveal, cls.sum = Play().lead("reveal", [1]), Play().lead("reveal", ISLANDS, TWO_SLICES)
        cls.patience = Play().lead("share", [1, 2], max_extensions=1)
        private = {"dp_sigma": 2, "dp_clip_norm": 2.5}
        cls.uncharged, cls.charged = Play().lead("mask", [1, 2], **private), Play().lead("reveal", [1], **private)
        assert [server().step(cls.sum.session) for _ in range(2)] == ["secagg_opened", "slices_aggregated"]
        cls.plays = [cls.mask, cls.agree, cls.reveal, cls.sum, cls.few, cls.patience, cls.uncharged, cls.charged]
        cls.marked = {play: play.row() for play in cls.plays}

    @classmethod
    def end(cls):
        """What the Islands remember, and the coordinator will not."""
        for play in cls.mask, cls.agree, cls.reveal, cls.sum, cls.uncharged, cls.charged:
            play.until("done")
        cls.few.until("reveal")
        cls.few.act(4)
        cls.patience.until("reveal")
        cls.patience.act(3, 4)
        cls.results = {play: play.result() for play in cls.plays}
        cls.ended = {play: play.row() for play in cls.plays}

    @classmethod
    def back(cls):
        """For the tests that come after."""
        if os.environ["PGHOST"] != cls.live.socket:
            if cls.copy.pid_file():
                cls.copy.stop("immediate")
            os.environ["PGHOST"] = cls.live.socket
            cls.live.start()
            server().reopen()
            server().run("ALTER SYSTEM RESET wal_keep_size")

    def check_forgotten(self, play):
        self.assertEqual(play.row(), self.marked[play])
        self.assertNotEqual(play.row(), self.ended[play])
        self.session = play.session

    def check_tried_again(self):
        """Another set could be frozen for the same keys: the attempt that began before is never continued."""
        steps = server().drive(self.session)
        self.assertIn("secagg_retried", steps)
        self.check_state("advertise", 2)
        self.assertEqual(self.events("secagg_stage")[-2], {
            "kind": "train", "round": 1, "attempt": 1, "state": "aborted", "reason": "the coordinator was recovered to an earlier state"})
        self.check_cleared()
        self.check_refused(player(1).call("federated_secagg_share", *self.where(), bytes(94 * 3)), "secagg_conflict")

    def check_refused_by_all(self, play):
        self.check_forgotten(play)
        self.check_never_again(play)

    def check_never_again(self, play):
        self.check_tried_again()
        answers = server().everybody(play.session, ISLANDS)
        self.assertEqual({answer["status"] for answer in answers.values()}, {"declined"})
        self.check_failed("already revealed for this session and model")
        self.assertEqual(self.rows("members"), 4)  # those of attempt 1
        self.check_nothing(play)

    def check_nothing(self, play):
        self.assertEqual(server().run("SELECT DISTINCT aux_sum FROM federated.secagg_attempts WHERE session_id = %s", play.session), [(None,)])
        numpy.testing.assert_array_equal(server().weights(play.session), play.base)

    def test_while_masked_updates_came_in(self):
        self.check_refused_by_all(self.mask)

    def test_after_the_freeze(self):
        self.check_refused_by_all(self.agree)

    def test_who_has_not_revealed(self):
        """Island 4 alone has revealed, of which nothing can be made: the others make the sum without it."""
        self.check_forgotten(self.few)
        self.check_tried_again()
        answers = server().everybody(self.session, ISLANDS)
        self.assertEqual({number: answer["status"] for number, answer in answers.items()},
                         {1: "accepted", 2: "accepted", 3: "accepted", 4: "declined"})
        self.base, self.document = self.few.base, self.few.document
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3])
        contexts = server().run("SELECT count(DISTINCT ctx), count(DISTINCT c0) FROM federated.secagg_attempts WHERE session_id = %s", self.session)
        self.assertEqual(contexts, [(2, 2)])

    def test_too_few_are_left(self):
        """Islands 3 and 4 have revealed; 1 and 2 are too few for a roster, however long it waits."""
        self.check_forgotten(self.patience)
        self.check_tried_again()
        steps = []
        while server().status(self.session)[0] == "training":
            server().everybody(self.session, ISLANDS)
            steps += self.expire()
        self.assertEqual(steps[-1], "session_failed")
        self.check_failed("Islands in state \"advertise\" of secure aggregation after 1 extensions")
        self.check_nothing(self.patience)

    def test_in_reveal(self):
        """The set is what it was. Who has sent its shares sends the same again; the model is the same, bit by bit."""
        self.check_forgotten(self.reveal)
        self.assertEqual(server().drive(self.session), ["timeline_changed"])
        self.check_state("reveal")
        self.until("done", ISLANDS)
        self.assertEqual(self.reveal.row(), self.ended[self.reveal])
        self.assertEqual(self.reveal.result(), self.results[self.reveal])
        self.base, self.document = self.reveal.base, self.reveal.document
        self.check_sum(ISLANDS)

    def say_lost(self, rounds):
        """The session waits for an administrator to say how many charges are lost."""
        self.assertEqual(server().drive(self.session), ["session_paused"])
        self.assertIn("may have lost charges of privacy", server().status(self.session)[1])
        with self.assertRaises(psycopg.errors.ObjectNotInPrerequisiteState):
            server().run("SELECT federated_resume_session(%s)", self.session)
        server().run("SELECT federated_charge_lost_rounds(%s, %s, 'recovery')", self.session, rounds)
        server().run("SELECT federated_resume_session(%s)", self.session)

    def charges(self):
        return server().run("SELECT mechanism, lost, noise_multiplier FROM federated.privacy_charges WHERE session_id = %s", self.session)

    def test_before_the_charge(self):
        """What the Islands have revealed was charged in books that are lost: it is charged again, and not repeated."""
        self.check_forgotten(self.uncharged)
        self.assertEqual(self.charges(), [])
        self.say_lost(1)
        self.check_never_again(self.uncharged)
        self.assertEqual(self.charges(), [("distributed", True, 2)])
        delta, epsilon = server().run("SELECT delta, epsilon FROM federated.privacy_spent WHERE session_id = %s", self.session)[0]
        self.assertAlmostEqual(epsilon, fsa1.rdp_epsilon([2.0], delta), places=9)

    def test_after_the_charge(self):
        """It is in the books, and goes on to the same model; nothing is charged twice."""
        self.check_forgotten(self.charged)
        self.say_lost(0)
        self.until("done", ISLANDS)
        self.assertEqual(self.charged.row(), self.ended[self.charged])
        self.assertEqual(self.charged.result(), self.results[self.charged])
        self.assertEqual(self.charges(), [("distributed", False, 2)])

    def test_in_sum(self):
        self.check_forgotten(self.sum)
        self.assertEqual(server().drive(self.session), ["timeline_changed", "session_completed"])
        self.assertEqual(self.sum.row(), self.ended[self.sum])
        self.assertEqual(self.sum.result(), self.results[self.sum])
        self.base, self.document = self.sum.base, self.sum.document
        self.check_sum(ISLANDS)
        self.check_cleared()


if __name__ == "__main__":
    unittest.main(verbosity=2)
