#!/usr/bin/python3
"""Islands that are lost at every stage, alone, in pairs and by three, and what the server makes of those who are left."""

import itertools
import unittest

from case import server
from losing import STAGES, Lost


def losses(mode, count):
    """All ways to lose so many Islands, by the stage that each of them misses."""
    return itertools.combinations_with_replacement(STAGES[mode], count)


class SevenActive(Lost):
    """t = 5, so two may be lost after the roster."""
    NUMBERS = [1, 2, 3, 4, 5, 6, 7]

    def check(self, count, short):
        fallen = set()
        for missing in losses("active", count):
            with self.subTest(missing=missing):
                self.lose(self.NUMBERS, missing)
                fallen.add(self.outcome.short)
                if self.outcome.short:
                    getattr(self, f"finish_{self.outcome.short}")()
                else:
                    self.check_survived()
        self.assertEqual(fallen, short)

    def test_nobody(self):
        self.lose(self.NUMBERS, ())
        self.check_survived()

    def test_one(self):
        self.check(1, {None})

    # of a roster of six only one may be lost, of five again one
    def test_two(self):
        self.check(2, {None})

    def test_three(self):
        self.check(3, {None, "share", "mask", "agree", "reveal"})

    def test_too_few_advertise(self):
        self.lose(self.NUMBERS, ("advertise",) * 5)
        self.check_state("advertise")
        self.assertEqual(self.expire(), ["round_extended"])
        self.check_state("advertise")
        back = self.lost["advertise"][:2]
        self.everybody(back)
        self.expire()
        left = sorted(self.outcome.left + back)
        self.until("done", left)
        self.check_state("done")
        self.check_done(dict.fromkeys(STAGES["active"], left))

    def test_late_update(self):
        """With a little more time the update that was missing comes, and its Island is not lost."""
        self.lose(self.NUMBERS, ("mask",) * 3)
        self.assertEqual(self.expire(), ["round_extended"])
        self.everybody(self.lost["mask"][:1])
        self.expire()
        left = sorted(self.outcome.left + self.lost["mask"][:1])
        self.until("done", left)
        self.check_state("done")
        self.check_done({**self.outcome.sets, **dict.fromkeys(("mask", "agree", "reveal"), left)})

    def test_shares_never_come(self):
        self.lose(self.NUMBERS, ("share", "reveal", "reveal"))
        self.check_state("reveal")
        self.expire()
        self.check_failed("secure aggregation: 4 of 5 shares for owner")
        self.check_nothing_revealed()
        self.check_cleared()
        self.assertEqual(server().value("SELECT count(*) FROM federated.ledger WHERE kind = 'payment' AND session_id = %s", self.session), 0)


class FiveSemiHonest(Lost):
    """t = 3, and no sum of fewer than three."""
    NUMBERS = [1, 2, 3, 4, 5]

    def check(self, count):
        for missing in losses("semi_honest", count):
            with self.subTest(missing=missing):
                self.lose(self.NUMBERS, missing, mode="semi_honest")
                self.check_survived()

    def test_nobody(self):
        self.check(0)

    def test_one(self):
        self.check(1)

    def test_two(self):
        self.check(2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
