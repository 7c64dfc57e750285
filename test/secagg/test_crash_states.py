#!/usr/bin/python3
"""kill -9 of the server in each state of an attempt, and where what it has done is not known to who asked. Needs a fresh server."""

import unittest

import federation
import numpy
from case import STEP, Crashing, player, server

TWO_SLICES = 262080 + 17


class States(Crashing):
    def test_each_state(self):
        """Two of four have acted when the server dies, the others do so after; in state sum it dies at each slice."""
        self.begin([1, 2, 3, 4], TWO_SLICES)
        for state in "advertise", "share", "mask", "agree", "reveal":
            self.check_state(state)
            self.act(1, 2)
            self.crash_between()
            self.check_state(state)
            for number in 1, 2:  # what was acknowledged is not due again
                task = player(number).task(self.session)
                self.assertTrue(task is None or task["secagg"]["due"] is None, task)
            self.act(3, 4)
            if state != "reveal":
                server().drive(self.session)
            if state == "mask":
                frozen = self.sets()
        steps = []
        while server().status(self.session)[0] == "training":
            self.crash_between()
            steps.append(server().step(self.session))
        self.assertEqual(steps, ["secagg_opened", "slices_aggregated", "session_completed"])
        self.check_state("done")
        self.crash_between()
        self.assertEqual(self.sets(), frozen)
        self.check_frozen_once()
        self.check_sum([1, 2, 3, 4])
        self.check_cleared()

    def test_steps_that_are_not_committed(self):
        """The server dies in the transaction of each step: nothing of it is there, and the same step comes again."""
        self.begin([1, 2, 3, 4], TWO_SLICES)
        seen = []
        while server().status(self.session)[0] == "training":
            self.act(*(n for n in self.numbers if player(n).task(self.session)))
            before = self.stored()
            seen.append(self.uncommitted_step())
            self.assertEqual(self.stored(), before)
            self.assertEqual(server().step(self.session), seen[-1])
        self.assertEqual(seen, ["secagg_roster_frozen", "secagg_shares_frozen", "round_frozen", "secagg_reveal_opened", "secagg_opened",
                                "slices_aggregated", "session_completed"])
        self.check_frozen_once()
        self.check_sum([1, 2, 3, 4])


class Acknowledgements(Crashing):
    def test_freeze(self):
        """The set is frozen, and whoever asked for it never hears. It is frozen once, and a late commit is not in it."""
        self.begin([1, 2, 3, 4])
        self.until("mask")
        self.patched(4, "commit", lambda samples: {"status": "held back"})
        self.act(4)
        self.act(1, 2, 3)
        server().expire(self.session)
        self.unheard(federation.connect(federation.SUPERUSER), lambda: server().state(self.session) == "agree",
                     STEP.replace("%s", "$1"), self.session)
        frozen = self.sets()
        self.assertEqual(server().drive(self.session), [])
        four = player(4)
        del four.commit
        self.check_refused(four.commit(400), "stale_round")
        self.until("done", [1, 2, 3])
        self.assertEqual(self.sets(), frozen)
        self.check_frozen_once()
        self.check_sum([1, 2, 3])

    def test_freeze_that_is_undone(self):
        """It was never committed, so nobody has seen it: who commits before the next is in."""
        self.begin([1, 2, 3, 4])
        self.until("mask")
        self.act(1, 2, 3)
        server().expire(self.session)
        self.assertEqual(self.uncommitted_step(), "round_frozen")
        self.check_state("mask")
        self.assertEqual(self.rows("owners"), 0)
        self.assertEqual(self.act(4)[0]["status"], "accepted")
        server().drive(self.session)
        self.until("done")
        self.check_frozen_once()
        self.check_sum([1, 2, 3, 4])

    def test_messages(self):
        """Island 1 never hears that its messages were stored; it sends the same bytes again."""
        self.begin([1, 2, 3, 4])
        one = player(1)
        for state, function, column in (("advertise", "federated_secagg_advertise", "advertised_at"),
                                        ("share", "federated_secagg_share", "shared_at"),
                                        ("mask", "federated_commit_update", "upload_signature"),
                                        ("agree", "federated_secagg_agree", "agreed_at"),
                                        ("reveal", "federated_secagg_reveal", "revealed_at")):
            self.check_state(state)
            sent = self.unsent(function)
            stored = (f"SELECT count(m.{column}) = 1 FROM federated.secagg_members m JOIN federated.islands i ON i.id = m.island_id"
                      f" WHERE m.attempt_id = %s AND i.host_id = 'island-1'")
            self.unheard(one.db, lambda: server().value(stored, self.attempt_id()),
                         f"SELECT {function}({', '.join(f'${n}' for n in range(1, len(sent) + 1))})", *sent)
            before = self.stored()
            self.assertEqual(one.call(function, *sent)["status"], "accepted")
            self.assertEqual(self.stored(), before)
            self.act(2, 3, 4)
            server().drive(self.session)
        self.check_frozen_once()
        self.check_sum([1, 2, 3, 4])

    def unsent(self, function):
        """Island 1 does what is due, but for the call of this function: what it would have said."""
        one, sent = player(1), []
        call = one.call

        def keep(name, *arguments):
            if name == function:
                sent.extend(arguments)
                return {"status": "kept"}
            return call(name, *arguments)

        self.patched(1, "call", keep)
        self.act(1)
        del one.call
        return sent


class Waiting(Crashing):
    def test_too_few_shares(self):
        """Fewer than t reveal. The server waits, also across restarts, and then the session fails; it is not tried again."""
        self.begin([1, 2, 3, 4, 5])
        self.until("reveal")
        for number in 1, 2, 3:
            self.assertEqual(server().drive(self.session), [])
            self.check_state("reveal")
            self.everybody([number])
            self.crash_between()
        self.assertEqual(server().drive(self.session), [])
        self.assertEqual(self.rows("reveals"), 15)
        self.assertEqual(self.expire(), ["session_failed"])
        self.check_failed("secure aggregation: 3 of 4 shares for owner 1")
        self.assertEqual(server().run("SELECT attempt, state, aux_sum FROM federated.secagg_attempts WHERE session_id = %s", self.session),
                         [(1, "failed", None)])
        self.check_cleared()
        self.check_refused(player(4).call("federated_secagg_reveal", *self.where(), bytes(190)), "secagg_stale")
        numpy.testing.assert_array_equal(server().weights(self.session), self.base)


if __name__ == "__main__":
    unittest.main(verbosity=2)
