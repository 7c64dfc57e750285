#!/usr/bin/python3
"""Sessions that are paused or cancelled in each state, and steps that two take at once. Needs a fresh server."""

import contextlib
import threading
import unittest

import federation
import numpy
import psycopg
from case import STEP, Case, player, server

EARLY = ["advertise", "share", "mask", "agree", "reveal"]


class Stops(Case):
    def come_to(self, state):
        """A new session, in which Island 1 has acted in this state."""
        self.begin([1, 2, 3, 4], 2 * 262080)
        if state in EARLY:
            self.until(state)
            self.act(1)
        else:
            self.until("reveal")
            self.act(1, 2, 3, 4)
            self.assertEqual([server().step(self.session) for _ in range(2)], ["secagg_opened", "slices_aggregated"])
        self.check_state(state)

    def deadlines(self):
        return server().run("SELECT extract(epoch FROM a.deadline - now()), extract(epoch FROM r.deadline - now())"
                            " FROM federated.secagg_attempts a JOIN federated.rounds r ON r.id = a.round_id WHERE a.session_id = %s", self.session)[0]

    def test_pause(self):
        """Nothing moves, however late it gets; then every stage has its full time again."""
        for state in EARLY + ["sum"]:
            with self.subTest(state):
                self.come_to(state)
                server().run("SELECT federated_pause_session(%s)", self.session)
                before = self.stored()
                if state in EARLY:
                    server().expire(self.session)
                self.assertEqual(server().drive(self.session), [])
                self.assertEqual([player(n).task(self.session) for n in self.numbers], [None] * 4)
                if state not in EARLY:
                    self.assertEqual(self.stored(), before)
                server().run("SELECT federated_resume_session(%s)", self.session)
                self.check_state(state)
                attempt, in_round = self.deadlines()
                if state in ("advertise", "share", "agree"):
                    self.assertAlmostEqual(float(attempt), 600, delta=30)
                elif state == "reveal":
                    self.assertAlmostEqual(float(attempt), 86400, delta=30)
                elif state == "mask":
                    self.assertGreater(in_round, 0)
                self.until("done")
                self.check_state("done", 1)
                self.check_sum(self.numbers)

    def test_cancel(self):
        """Shares are deleted, and nothing is summed."""
        for state in EARLY + ["sum"]:
            with self.subTest(state):
                self.come_to(state)
                server().run("SELECT federated_cancel_session(%s)", self.session)
                self.check_state("failed" if state in ("reveal", "sum") else "aborted")
                self.assertEqual(server().status(self.session)[0], "cancelled")
                self.check_cleared()
                numpy.testing.assert_array_equal(server().weights(self.session), self.base)
                self.assertEqual(server().value("SELECT count(*) FROM federated.model_versions WHERE session_id = %s AND status <> 'abandoned'",
                                                self.session), 0)
                if state != "sum":
                    self.assertIsNone(server().value("SELECT aux_sum FROM federated.secagg_attempts WHERE session_id = %s", self.session))
                self.assertEqual(server().drive(self.session), [])
                for number in self.numbers:
                    self.assertIsNone(player(number).task(self.session))
                before = self.stored()
                for name, message in ("share", bytes(282)), ("agree", bytes(64)), ("reveal", bytes(152)):
                    self.assertEqual(player(3).call(f"federated_secagg_{name}", *self.where(), message)["status"], "rejected")
                self.assertEqual(self.stored(), before)


class AtOnce(Case):
    def connect(self, role):
        db = federation.connect(role)
        self.addCleanup(db.close)
        return db

    @contextlib.contextmanager
    def transaction(self, role=federation.SUPERUSER):
        """A transaction of another connection, which is open until the block ends."""
        db = self.connect(role)
        db.autocommit = False
        yield db
        db.commit()

    def waiting(self, statement, *arguments):
        """A statement on a connection of its own that has to wait: a function that returns what came of it."""
        db, outcome = self.connect(federation.SUPERUSER), []

        def run():
            try:
                outcome.append(db.execute(statement, arguments).fetchone()[0])
            except psycopg.Error as error:
                outcome.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), outcome)

        def result():
            thread.join()
            return outcome[0]

        return result

    def round_id(self):
        return server().value("SELECT id FROM federated.rounds WHERE session_id = %s AND kind = 'train'", self.session)

    def test_every_step(self):
        """Whoever finds the session's row held leaves the step to the other."""
        self.begin([1, 2, 3], 2 * 262080)
        steps = []
        while server().status(self.session)[0] == "training":
            self.act(*(n for n in self.numbers if player(n).task(self.session)))
            with self.transaction() as db:
                steps.append(db.execute(STEP, [self.session]).fetchone()[0])
                self.assertIsNone(server().step(self.session))
        self.assertEqual(steps[-1], "session_completed")
        self.assertEqual([event["state"] for event in self.events("secagg_stage")],
                         ["advertise", "share", "mask", "agree", "reveal", "sum", "done"])
        self.check_sum([1, 2, 3])

    def test_opening(self):
        """A second process has put the secrets together as well: the state is changed once, and it stops."""
        self.begin([1, 2, 3])
        self.until("reveal")
        self.act(1, 2, 3)
        with self.transaction() as db:
            self.assertEqual(db.execute(STEP, [self.session]).fetchone()[0], "secagg_opened")
            second = self.waiting("SELECT federated.open_sum(s, r, a) FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id"
                                  " JOIN federated.secagg_attempts a ON a.round_id = r.id WHERE s.id = %s", self.session)
        self.assertIsInstance(second(), psycopg.errors.NoDataFound)
        self.assertEqual(server().value("SELECT count(*) FROM federated.model_versions WHERE session_id = %s", self.session), 1)
        self.until("done")
        self.check_sum([1, 2, 3])

    def test_closing(self):
        """One closes the round, the other finds that it is closed."""
        self.begin([1, 2, 3])
        self.until("reveal")
        self.act(1, 2, 3)
        server().step(self.session)
        with self.transaction() as db:
            self.assertEqual(db.execute(STEP, [self.session]).fetchone()[0], "session_completed")
            second = self.waiting("SELECT 'finished' FROM federated.rounds r, federated.finish_attempt(r) WHERE r.id = %s", self.round_id())
        self.assertEqual(second(), "finished")
        self.assertEqual([event["state"] for event in self.events("secagg_stage")].count("done"), 1)
        self.check_sum([1, 2, 3])

    def test_slices(self):
        """Two make parts of the sum at once, each with masks of its own making: no part twice, the same bytes."""
        self.begin([1, 2, 3], 3 * 262080)
        self.until("reveal")
        self.act(1, 2, 3)
        server().step(self.session)
        chunk = "SELECT federated.aggregate_chunk(%s)"
        with self.transaction() as first, self.transaction() as second:
            self.assertEqual([db.execute(chunk, [self.round_id()]).fetchone()[0] for db in (first, second)], [True, True])
        self.assertEqual(server().run("SELECT slice_no FROM federated.chunks c, generate_series(first_slice, first_slice + slices - 1) slice_no"
                                      " WHERE round_id = %s ORDER BY 1", self.round_id()), [(0,), (1,)])
        server().drive(self.session)
        self.check_sum([1, 2, 3])

    def test_commit_beside_the_freeze(self):
        """A commit that is under way when the time is over is waited for, and in the set."""
        self.begin([1, 2, 3, 4])
        self.until("mask")
        self.patched(4, "commit", lambda samples: {"status": "held back"})
        self.act(1, 2, 3, 4)
        four = player(4)
        server().expire(self.session)
        with self.transaction(four.role) as db:
            answer = db.execute("SELECT federated_commit_update(%s, %s, 400, '{}', %s)", [four.update, four.manifest, four.signature]).fetchone()[0]
            self.assertEqual(answer["status"], "accepted")
            freeze = self.waiting(STEP, self.session)
            self.check_state("mask")
        self.assertEqual(freeze(), "round_frozen")
        self.assertEqual(self.rows("owners"), 4)
        self.until("done")
        self.check_sum([1, 2, 3, 4])


if __name__ == "__main__":
    unittest.main(verbosity=2)
