#!/usr/bin/python3
"""A superuser who lowers the threshold, and an Island that deals shares of another key. Needs a fresh server."""

import unittest

import federation
import fsa1
from case import Case, player, server


class Threshold(Case):
    """Of four Islands, three shares make a secret. The tables say two."""

    LOWER = "t = 2, ctx = federated.secagg_ctx(c0, 2, 4, (SELECT array_agg(m.adv ORDER BY m.u) FROM federated.secagg_members m" \
            " WHERE m.attempt_id = secagg_attempts.id))"

    def test_before_masking(self):
        """With the hash that belongs to it: no honest upload fits (S5)."""
        self.begin([1, 2, 3, 4], secagg_max_attempts=1)
        self.until("mask")
        self.tamper(self.LOWER)
        for answer in self.act(1, 2, 3, 4):
            self.check_refused(answer, "wrong_digest")
        self.assertEqual(server().drive(self.session), [])
        self.check_state("mask")
        self.expire()
        self.expire()
        self.check_state("mask")
        self.assertEqual(self.rows("owners"), 0)
        self.check_nothing_revealed()
        server().run("SELECT federated_cancel_session(%s)", self.session)

    def test_before_signing(self):
        """Sets that follow from it: no honest signature holds (S6)."""
        self.begin([1, 2, 3, 4], secagg_max_attempts=1)
        self.until("agree")
        self.tamper(self.LOWER)
        self.tamper("sets = federated.secagg_sets(ctx, '{1,2,3,4}', '{1,2,3,4}')")
        for answer in self.act(1, 2, 3, 4):
            self.check_refused(answer, "secagg_bad_signature")
        self.assertEqual(self.expire(), ["session_failed"])
        self.check_failed("gave up after 1 attempts: fewer than 2 Islands have signed")
        self.check_nothing_revealed()

    def open_with_two(self):
        """t alone is lowered: two signatures open the reveal."""
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.tamper("t = 2")
        self.everybody([1, 2])
        self.expire()
        self.check_state("reveal")
        self.told = player(1).call("federated_secagg_agreements", *self.where())
        self.signatures = {s["u"]: bytes.fromhex(s["signature"]) for s in self.told["signatures"]}
        self.assertEqual(len(self.signatures), 2)

    def test_honest_islands_reveal_nothing(self):
        self.open_with_two()
        for number in 1, 2, 3, 4:
            island = player(number).attempts[self.session, 1, 1]
            island.agree(self.told["u2"], self.told["u3"])
            with self.assertRaisesRegex(fsa1.Refused, "too few signatures"):
                island.reveal(self.signatures)
        self.assertEqual(self.rows("reveals"), 0)
        server().run("SELECT federated_cancel_session(%s)", self.session)
        self.check_nothing_revealed()

    def test_two_shares_make_nothing(self):
        """Two Islands that collude reveal all the same: the shares were dealt for three (S8)."""
        self.open_with_two()
        for number in 1, 2:
            island = player(number).attempts[self.session, 1, 1]
            island.agree(self.told["u2"], self.told["u3"])
            island.t = 2
            answer = player(number).call("federated_secagg_reveal", *self.where(), island.reveal(self.signatures))
            self.assertEqual(answer["status"], "accepted")
        self.assertEqual(server().drive(self.session)[-1], "session_failed")
        self.check_failed("2 shares of Island island-")
        self.check_nothing_revealed()
        self.check_cleared()


class Dealers(Case):
    def deal_another_m_sk(self):
        """Island 1 deals shares of another key than the one whose public half it has advertised."""
        def share(task, island, where):
            right, island.m_sk = island.m_sk, bytes(range(32))
            answer = federation.Player.share(player(1), task, island, where)
            island.m_sk = right
            return answer

        self.patched(1, "share", share)

    def test_key_that_was_not_advertised(self):
        """It drops out, and its pair masks stay on the sum: no subset of the shares makes its key (S8)."""
        self.begin([1, 2, 3, 4, 5, 6])
        self.deal_another_m_sk()
        self.until("mask")
        self.everybody([2, 3, 4, 5, 6])
        self.expire()
        self.until("reveal", [2, 3, 4, 5, 6])
        owner = player(1).attempts[self.session, 1, 1].u
        self.assertEqual(server().value("SELECT disposition FROM federated.secagg_owners WHERE attempt_id = %s AND owner = %s",
                                        self.attempt_id(), owner), "sk")
        for number in 2, 3, 4, 5, 6:
            self.check_state("reveal")
            self.everybody([number])
        self.check_state("failed")
        self.check_failed("5 shares of Island island-1 do not make the secret that it has committed to")
        self.check_nothing_revealed()
        self.check_cleared()
        self.assertEqual(self.events("secagg_stage")[-1]["state"], "failed")
        # another question about the same model is not asked in this session
        self.assertEqual(server().value("SELECT count(*) FROM federated.secagg_attempts WHERE session_id = %s", self.session), 1)

    def test_key_that_nobody_needs(self):
        """The same Island commits: its key is never put together, so nobody can tell, and nothing depends on it."""
        self.begin([1, 2, 3, 4])
        self.deal_another_m_sk()
        self.until("done")
        self.check_sum([1, 2, 3, 4])


if __name__ == "__main__":
    unittest.main(verbosity=2)
