#!/usr/bin/python3
"""Masked rounds of 20, 100 and 128 Islands, with losses at each stage and a share that is wrong."""

import unittest

import federation
import fsa1
import numpy
from case import player, server
from losing import Lost, without

LARGEST = 128
COUNT = 2017  # values: two pages
WRONG = bytes(16) + bytes([1]) + bytes(15)  # what is added to a share


class Guest(federation.Player):
    """One Island of a crowd, whose members take turns on one connection: a server has no hundred to spare."""
    shared = []

    def open(self):
        if not self.shared:
            self.shared.append(federation.connect(federation.SUPERUSER))
        self.db = self.shared[0]

    def call(self, function, *arguments):
        self.db.execute(f"SET SESSION AUTHORIZATION {self.role}")
        return super().call(function, *arguments)


def delta(self, task):
    """The first values are the largest and the least that there are, for everybody; every third of the others is so small
    that a float tells the sum's integers apart."""
    values = numpy.random.default_rng([self.number, task["round"]]).uniform(-1.5, 1.5, task["parameters"])
    values[2::3] /= 4096
    values[:2] = 1.5, -1.5
    return values.astype(numpy.float32)


class Sizes(Lost):
    @classmethod
    def setUpClass(cls):
        here = server().players
        cls.guests = [number for number in range(1, LARGEST + 1) if number not in here]
        server().admit(cls.guests, Guest)
        cls.addClassCleanup(lambda: [here.pop(number) for number in cls.guests])
        cls.addClassCleanup(lambda: Guest.shared.pop().close())
        usual = federation.Player.delta
        federation.Player.delta = delta
        cls.addClassCleanup(setattr, federation.Player, "delta", usual)

    def one_lies(self):
        """Whoever reveals first has a wrong share of the first Island in the roster. Returns a list, for its number and u.
        Not wrong in the first byte: X25519 ignores three bits of that, so another polynomial may make the same key."""
        liar, usual = [], federation.Player.reveal

        def reveal(self, task, island, where):
            if not liar:
                liar.extend((self.number, island.u))
                sk, b = island.shares[1]
                island.shares[1] = fsa1.add(sk, WRONG), fsa1.add(b, WRONG)
            return usual(self, task, island, where)

        federation.Player.reveal = reveal
        self.addCleanup(setattr, federation.Player, "reveal", usual)
        return liar

    def play(self, n, missing):
        numbers = list(range(1, n + 1))
        self.lose(numbers, missing, base=numpy.zeros(COUNT, numpy.float32))
        self.assertEqual(self.document["n_max"], n)

    def check_integers(self):
        """The sum itself, from the model that it made of a base of zeros, and the masked counts beside it."""
        summed, document = self.outcome.sets["mask"], self.document
        task, levels, w_cap = {"round": 1, "parameters": COUNT}, document["Q"], document["W_cap"]
        weights = [fsa1.weight(player(n).samples, document["n_cap"], w_cap) for n in summed]
        quantised = [fsa1.quantise(player(n).delta(task), 1.0, levels, w, w_cap) for n, w in zip(summed, weights)]
        total = sum(fsa1.signed(integers).astype(numpy.int64) for integers, _ in quantised)
        made = numpy.rint(server().weights(self.session).astype(numpy.float64) * levels * sum(weights) / w_cap).astype(numpy.int64)
        small = abs(total) < 2**22
        self.assertTrue(small[2::3].all())
        self.assertGreater(abs(total).max(), 2**27)
        numpy.testing.assert_array_equal(made[small], total[small])
        self.assertEqual(server().value("SELECT aux_sum FROM federated.secagg_attempts WHERE id = %s", self.attempt_id()),
                         [sum(weights), len(summed), sum(clamped for _, clamped in quantised)])

    def check_found(self, liar):
        self.check_done(self.outcome.sets)
        self.check_kinds(without(self.outcome.sets["reveal"], liar[:1]))
        self.check_reasons()
        self.check_integers()
        self.assertEqual([(e["owner"], e["revealers"]) for e in self.events("secagg_share_deviates")], [(1, liar[1:])])

    def test_twenty(self):
        """One is lost at each stage."""
        liar = self.one_lies()
        self.play(20, ("advertise", "share", "mask", "agree", "reveal"))
        self.check_found(liar)

    def test_hundred(self):
        """Of 68 who reveal one lies: 67, as many as it takes, are right."""
        liar = self.one_lies()
        self.play(100, ("share",) * 2 + ("mask",) * 10 + ("agree",) * 10 + ("reveal",) * 10)
        self.assertEqual((self.outcome.t, len(self.outcome.sets["reveal"])), (67, 68))
        self.check_found(liar)

    def test_limit(self):
        """As many as there may be; of these as many are lost as may be."""
        self.play(LARGEST, ("share",) * 11 + ("mask",) * 10 + ("agree",) * 10 + ("reveal",) * 11)
        self.assertEqual((self.outcome.t, len(self.outcome.sets["reveal"])), (86, 86))
        self.check_survived()
        self.check_integers()


if __name__ == "__main__":
    unittest.main(verbosity=2)
