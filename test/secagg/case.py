"""What the tests of the server have in common: one server for all of them, and a session of scripted Islands."""

import contextlib
import time
import unittest

import federation
import numpy
from cluster import Cluster

SERVER = []
STEP = "SELECT federated.advance(%s)"


def server():
    """The server that PG* variables name, fresh when the first test asks for it."""
    if not SERVER:
        SERVER.append(federation.Server(7))
    return SERVER[0]


def player(number):
    return server().players[number]


def model(count, seed=1):
    return numpy.random.default_rng(seed).uniform(-1, 1, count).astype(numpy.float32)


class Case(unittest.TestCase):
    def begin(self, numbers, count=10, base=None, **config):
        """A session that has come to state advertise."""
        self.numbers, self.base = numbers, model(count) if base is None else base
        config = {"secagg_metrics": "none", **config}
        self.session = server().start(numbers, self.base, **config)
        server().until(self.session, "advertise", numbers)
        self.document = player(numbers[0]).task(self.session)["secagg"]

    def until(self, state, numbers=None):
        server().until(self.session, state, numbers or self.numbers)

    def everybody(self, numbers=None):
        return server().everybody(self.session, numbers or self.numbers)

    def where(self, attempt=1):
        return self.session, 1, attempt

    def expire(self):
        server().expire(self.session)
        return server().drive(self.session)

    def check_state(self, state, attempt=1):
        self.assertEqual(server().attempt(self.session)[:2], (state, attempt))

    def check_sum(self, numbers):
        self.assertEqual(server().status(self.session), ("completed", None))
        numpy.testing.assert_array_equal(server().weights(self.session),
                                         server().expected(self.base, numbers, self.document, 1))

    def check_failed(self, words):
        status, reason = server().status(self.session)
        self.assertEqual(status, "failed")
        self.assertIn(words, reason)
        self.assertEqual(server().value(
            "SELECT count(*) FROM federated.model_versions WHERE session_id = %s AND status IN ('ready', 'building')", self.session), 0)

    def check_refused(self, answer, reason):
        self.assertEqual((answer["status"], answer["reason"]), ("rejected", reason), answer)

    def check_again(self, number, function, *arguments):
        """The same bytes once more change nothing."""
        self.assertEqual(player(number).call(function, *self.where(), *arguments)["status"], "accepted")

    def check_cleared(self):
        for table in "envelopes", "reveals", "aux":
            self.assertEqual(self.rows(table), 0, table)

    def rows(self, table):
        return server().value(f"SELECT count(*) FROM federated.secagg_{table} x JOIN federated.secagg_attempts a ON a.id = x.attempt_id"
                              " WHERE a.session_id = %s", self.session)

    def leave(self, *numbers):
        for number in numbers:
            player(number).call("federated_leave", self.session)

    def events(self, kind):
        return [row[0] for row in server().run("SELECT detail FROM federated.events WHERE session_id = %s AND kind = %s ORDER BY id",
                                               self.session, kind)]

    def patched(self, number, name, method):
        """One of an Island's methods is another until the test is over."""
        setattr(player(number), name, method)
        self.addCleanup(lambda: player(number).__dict__.pop(name, None))

    def act(self, *numbers):
        """Islands do what is due to them; the server does nothing."""
        return [player(number).act(player(number).task(self.session)) for number in numbers]

    def attempt_id(self):
        return server().value("SELECT max(id) FROM federated.secagg_attempts WHERE session_id = %s", self.session)

    def stored(self):
        """All rows that messages of Islands can change."""
        attempt = "attempt_id IN (SELECT id FROM federated.secagg_attempts WHERE session_id = %s)"
        update = ("SELECT u.id FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id WHERE r.session_id = %s")
        parts = {
            "secagg_attempts": "session_id = %s", "secagg_keys_seen": "session_id = %s", "participants": "session_id = %s",
            "tasks": "round_id IN (SELECT id FROM federated.rounds WHERE session_id = %s)", "updates": f"id IN ({update})",
            "slices": f"vector_id IN (SELECT vector_id FROM federated.updates WHERE id IN ({update}))",
            **{f"secagg_{name}": attempt for name in ("members", "envelopes", "aux", "owners", "reveals")}}
        return {table: server().value(f"SELECT array_agg(whole::text ORDER BY whole::text) FROM federated.{table} whole WHERE {which}", self.session)
                for table, which in parts.items()}

    def tamper(self, statement, *arguments):
        """What a superuser does to an attempt who has taken its triggers away."""
        server().run("ALTER TABLE federated.secagg_attempts DISABLE TRIGGER USER")
        server().run(f"UPDATE federated.secagg_attempts SET {statement} WHERE id = %s", *arguments, self.attempt_id())
        server().run("ALTER TABLE federated.secagg_attempts ENABLE TRIGGER USER")

    def check_nothing_revealed(self):
        """No sum was opened and no version made."""
        self.assertEqual(server().run("SELECT DISTINCT aux_sum FROM federated.secagg_attempts WHERE session_id = %s", self.session), [(None,)])
        numpy.testing.assert_array_equal(server().weights(self.session), self.base)


class Crashing(Case):
    def crash(self):
        """The server's process is gone, and starts again; what was stored is still there."""
        cluster = Cluster.of(server())
        cluster.kill()
        cluster.start()
        server().reopen()

    def crash_between(self):
        before = self.stored()
        self.crash()
        self.assertEqual(self.stored(), before)

    def unheard(self, db, wanted, statement, *arguments):
        """A statement is carried out, but nobody hears of it: the server dies when `wanted` is true."""
        db.pgconn.send_query_params(statement.encode(), [a if isinstance(a, bytes) or a is None else str(a).encode() for a in arguments],
                                    param_formats=[int(isinstance(a, bytes)) for a in arguments])
        db.pgconn.flush()
        deadline = time.monotonic() + 30
        while not wanted():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.crash_between()
        db.close()

    def uncommitted_step(self):
        """The server dies in the transaction of a step; which one that was."""
        with contextlib.closing(federation.connect(federation.SUPERUSER)) as db:
            db.autocommit = False
            step = db.execute(STEP, [self.session]).fetchone()[0]
            self.crash()
            return step

    def check_frozen_once(self):
        self.assertEqual(len(self.events("round_frozen")), 1)
        stages = [event["state"] for event in self.events("secagg_stage")]
        self.assertEqual(stages, ["advertise", "share", "mask", "agree", "reveal", "sum", "done"])

    def sets(self):
        return server().run("SELECT ctx, sets FROM federated.secagg_attempts WHERE session_id = %s", self.session)
