#!/usr/bin/python3
"""Who may say what in an attempt, and when: everything else is refused and changes nothing. Needs a fresh server."""

import hashlib
import unittest

import federation
import fsa1
import psycopg
from case import Case, player, server

STATES = ["advertise", "share", "mask", "agree", "reveal", "sum", "done"]


class Unchanged(Case):
    def refused(self, number, reason, function, *arguments):
        """Refused for this reason (a class of errors, or a code of federated.rejections), and nothing has changed."""
        before = self.stored()
        if isinstance(reason, str):
            self.check_refused(player(number).call(function, *arguments), reason)
        else:
            with self.assertRaises(reason):
                player(number).call(function, *arguments)
        self.assertEqual(self.stored(), before)


class States(Unchanged):
    def messages(self, state):
        """Each message with the state that it belongs to, and what comes of other bytes when that is over or it was sent."""
        adv = fsa1.Island(player(1).attempts[self.session, 1, 1].params, player(1).identity).advertise()
        return [("advertise", adv, "advertise", "secagg_conflict"), ("share", [bytes(188)], "share", "secagg_conflict"),
                ("aux", [bytes(12)], "mask", "secagg_stale" if state == "done" else "secagg_conflict"), ("complain", [[2]], "mask", "secagg_stale"),
                ("agree", [bytes(64)], "agree", "secagg_conflict"), ("reveal", [bytes(114)], "reveal", "secagg_conflict")]

    def check_messages(self, state, answered):
        for name, message, belongs, after in self.messages(state):
            place, now = STATES.index(belongs), STATES.index(state)
            if place > now or place < now or answered and after == "secagg_conflict":
                self.refused(1, "secagg_stale" if place > now else after, f"federated_secagg_{name}", *self.where(), *message)

    def check_reads(self, state):
        for name, first in ("roster", "share"), ("inbox", "mask"), ("sets", "agree"), ("agreements", "reveal"):
            call = f"federated_secagg_{name}", *self.where()
            if STATES.index(state) < STATES.index(first):
                self.refused(1, psycopg.errors.ObjectNotInPrerequisiteState, *call)
            else:
                self.assertTrue(player(1).call(*call))

    def check_uploads(self, state, round_id):
        if state in ("advertise", "share"):
            self.refused(1, "secagg_stale", "federated_begin_update", round_id, bytes(32), "uint32")
        elif state != "mask":
            one = player(1)
            self.refused(1, "stale_round", "federated_begin_update", round_id, bytes(32), "uint32")
            self.refused(1, "stale_round", "federated_put_slice", one.update, 0, hashlib.sha256(bytes(40)).digest(), bytes(40))
            self.refused(1, "stale_round", "federated_commit_update", one.update, bytes(32), 100, "{}", one.signature)
            self.assertEqual(one.commit(100)["status"], "accepted")  # what was accepted stays so

    def test_each_state(self):
        """An Island that has said all there is to say so far."""
        self.begin([1, 2, 3])
        round_id = player(1).task(self.session)["round_id"]
        player(1).begin(player(1).task(self.session))
        for state in STATES:
            self.check_state(state)
            self.check_uploads(state, round_id)
            if state in ("sum", "done"):
                self.check_messages(state, True)
            else:
                player(1).begin(player(1).task(self.session))
                if state != "advertise":
                    self.check_reads(state)
                self.check_messages(state, False)
                self.act(1)
                self.check_messages(state, True)
                self.act(2, 3)
            server().step(self.session)
        server().drive(self.session)
        self.check_sum([1, 2, 3])

    def test_rounds_that_are_not_there(self):
        self.begin([1, 2, 3])
        self.until("mask")
        for where in (self.session, 1, 2), (self.session, 2, 1), (self.session, 0, 1), ("00000000-0000-0000-0000-000000000000", 1, 1):
            self.refused(1, "secagg_stale", "federated_secagg_share", *where, bytes(188))
            self.refused(1, psycopg.errors.NoDataFound, "federated_secagg_inbox", *where)
        server().run("SELECT federated_cancel_session(%s)", self.session)


class Callers(Unchanged):
    def test_others(self):
        """Island 4 is not in the session; an administrator is no Island."""
        self.begin([1, 2, 3])
        self.until("mask")
        held = player(1)
        held.commit = lambda samples: {"status": "held back"}
        self.addCleanup(lambda: held.__dict__.pop("commit", None))
        self.everybody([1])
        data = held.slices[0]
        put = "federated_put_slice", held.update, 0, hashlib.sha256(data).digest(), data
        commit = "federated_commit_update", held.update, held.manifest, 100, "{}", held.signature
        for number in 2, 4:
            self.refused(number, psycopg.errors.NoDataFound, *put)
            self.refused(number, psycopg.errors.NoDataFound, *commit)
        for name, message in ("share", bytes(188)), ("aux", bytes(12)), ("complain", [1]), ("agree", bytes(64)), ("reveal", bytes(114)):
            self.refused(4, "not_participant", f"federated_secagg_{name}", *self.where(), message)
        for name in "roster", "inbox", "sets", "agreements":
            self.refused(4, psycopg.errors.NoDataFound, f"federated_secagg_{name}", *self.where())
            with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                server().run(f"SELECT federated_secagg_{name}(%s, %s, %s)", *self.where())
        # the same bytes by their owner
        del held.commit
        self.assertEqual(held.commit(100)["status"], "accepted")
        self.until("done")
        self.check_sum([1, 2, 3])

    def test_suspended(self):
        self.begin([1, 2, 3, 4])
        self.until("agree")
        server().run("SELECT federated_suspend_island('island-4', 'test')")
        self.addCleanup(lambda: server().run("SELECT federated_reinstate_island('island-4')"))
        four = player(4)
        signature = four.attempts[self.session, 1, 1].agree([1, 2, 3, 4], [1, 2, 3, 4])
        for call in (("federated_secagg_agree", *self.where(), signature), ("federated_secagg_sets", *self.where()),
                     ("federated_secagg_reveal", *self.where(), bytes(152)), ("federated_next_task", self.session),
                     ("federated_commit_update", four.update, four.manifest, 400, "{}", four.signature)):
            self.refused(4, psycopg.errors.InsufficientPrivilege, *call)
        self.everybody([1, 2, 3])
        self.expire()
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3, 4])  # it was in when the set was frozen

    def test_left_and_dropped(self):
        """Island 7 leaves in state share, 6 is lost before it shares."""
        self.begin([1, 2, 3, 4, 5, 6, 7], min_participants=4, min_updates=4)
        self.until("share")
        self.leave(7)
        self.refused(7, "secagg_stale", "federated_secagg_share", *self.where(), bytes(94 * 6))
        self.everybody([1, 2, 3, 4, 5])
        self.expire()
        self.check_state("mask")
        self.refused(6, "secagg_stale", "federated_secagg_share", *self.where(), bytes(94 * 6))
        for number in 6, 7:
            self.refused(number, "secagg_stale", "federated_secagg_aux", *self.where(), bytes(12))
            self.refused(number, "secagg_stale", "federated_secagg_complain", *self.where(), [1])
            self.assertIsNone(player(number).task(self.session))
        round_id = player(1).task(self.session)["round_id"]
        self.refused(6, "stale_round", "federated_begin_update", round_id, bytes(32), "uint32")
        self.everybody([1, 2, 3, 4, 5])
        self.check_state("agree")
        for number in 6, 7:
            for name, message in ("agree", bytes(64)), ("reveal", bytes(190)):
                self.refused(number, "secagg_stale", f"federated_secagg_{name}", *self.where(), message)
        self.until("done", [1, 2, 3, 4, 5])
        self.check_sum([1, 2, 3, 4, 5])


class Reveals(Unchanged):
    """Who reveals what: exactly what the sets ask for, from members of the set that have signed."""

    def test_exactly_what_is_asked(self):
        self.begin([1, 2, 3, 4, 5, 6, 7])
        self.until("share")
        self.everybody([1, 2, 3, 4, 5, 6])
        self.expire()
        self.everybody([1, 2, 3, 4, 5])
        self.expire()
        self.check_state("agree")
        six = player(6).attempts[self.session, 1, 1]
        seven = server().value("SELECT u FROM federated.secagg_members m JOIN federated.islands i ON i.id = m.island_id"
                               " WHERE i.host_id = 'island-7' AND m.attempt_id = %s", self.attempt_id())
        self.everybody([1, 2, 3, 4, 5])
        self.check_state("reveal")
        one = player(1)
        island = one.begin(one.task(self.session))
        told = one.call("federated_secagg_agreements", *self.where())
        right = island.reveal({s["u"]: bytes.fromhex(s["signature"]) for s in told["signatures"]})
        entries = {owner: (kind, share) for owner, kind, _, share in fsa1.read_reveal(right)}
        self.assertEqual((sorted(entries), entries[six.u][0], entries[island.u][0]), (told["u2"], fsa1.SK, fsa1.B))

        def message(said, x=island.u):
            return b"".join(fsa1.le32(owner) + bytes([kind, x]) + share for owner, (kind, share) in said)

        other = {owner: (3 - kind, island.shares[owner][kind - 1]) for owner, (kind, _) in entries.items()}
        first = min(entries)
        wrong = {
            "the other secret of all": message(sorted(other.items())),
            "the other secret of the one that dropped out": message(sorted({**entries, six.u: other[six.u]}.items())),
            "the other secret of a member": message(sorted({**entries, first: other[first]}.items())),
            "both secrets of one": message(sorted([*entries.items(), (six.u, other[six.u])], key=lambda said: said[0])),
            "an owner twice": message([(first, entries[first]), *sorted(entries.items())]),
            "one that did not share": message(sorted({**entries, seven: (fsa1.SK, bytes(32))}.items())),
            "one that did not share, instead": message(sorted({**entries, seven: (fsa1.SK, bytes(32))}.items())[1:]),
            "an index outside of the roster": message([*sorted(entries.items()), (8, (fsa1.B, bytes(32)))]),
            "nobody": message([(0, (fsa1.B, bytes(32))), *sorted(entries.items())]),
            "one owner less": message(sorted(entries.items())[:-1]),
            "another order": message(sorted(entries.items(), reverse=True)),
            "the x of another": message(sorted(entries.items()), island.u % 7 + 1),
            "a third kind": message(sorted({**entries, first: (3, bytes(32))}.items())),
            "37 bytes": right[:-1], "39 bytes": right + b"\0", "nothing": b""}
        for what, data in wrong.items():
            with self.subTest(what):
                self.refused(1, "secagg_bad_message", "federated_secagg_reveal", *self.where(), data)
        # neither may speak who is not in the set
        for number in 6, 7:
            self.refused(number, "secagg_stale", "federated_secagg_reveal", *self.where(), right)
        self.assertEqual(one.call("federated_secagg_reveal", *self.where(), right)["status"], "accepted")
        self.refused(1, "secagg_conflict", "federated_secagg_reveal", *self.where(), message(sorted(other.items())))
        self.check_again(1, "federated_secagg_reveal", right)
        self.until("done", [2, 3, 4, 5])
        self.check_sum([1, 2, 3, 4, 5])

    def test_without_a_signature(self):
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.everybody([1, 2, 3])
        self.expire()
        self.check_state("reveal")
        island = player(4).attempts[self.session, 1, 1]
        told = player(4).call("federated_secagg_agreements", *self.where())
        island.agree(told["u2"], told["u3"])
        right = island.reveal({s["u"]: bytes.fromhex(s["signature"]) for s in told["signatures"]})
        self.refused(4, "secagg_stale", "federated_secagg_reveal", *self.where(), right)
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3, 4])

    def test_complained_of(self):
        """Who could not open an envelope reveals nothing for its owner, and must not."""
        self.begin([1, 2, 3, 4, 5])

        def share(task, island, where):
            envelopes = island.envelopes
            island.envelopes = lambda: bytes(94) + envelopes()[94:]
            return federation.Player.share(player(5), task, island, where)

        self.patched(5, "share", share)
        self.until("reveal")
        dealer = player(5).attempts[self.session, 1, 1].u
        victim = next(n for n in self.numbers if dealer not in player(n).attempts[self.session, 1, 1].shares)
        told = player(victim).call("federated_secagg_agreements", *self.where())
        island = player(victim).attempts[self.session, 1, 1]
        right = island.reveal({s["u"]: bytes.fromhex(s["signature"]) for s in told["signatures"]})
        entries = [right[at:at + fsa1.REVEAL] for at in range(0, len(right), fsa1.REVEAL)]
        all_five = b"".join(sorted([*entries, fsa1.le32(dealer) + bytes([fsa1.B, island.u]) + bytes(32)]))
        self.refused(victim, "secagg_bad_message", "federated_secagg_reveal", *self.where(), all_five)
        self.until("done")
        self.check_sum(self.numbers)


class Uploads(Unchanged):
    def test_slices(self):
        """Two slices: each is there, has its length and its bytes, or there is no update."""
        self.begin([1, 2, 3], 262080 + 17)
        self.until("mask")
        one = player(1)
        task = one.task(self.session)
        round_id = task["round_id"]
        island = one.begin(task)
        inbox = one.call("federated_secagg_inbox", *self.where())
        island.take_inbox(inbox["u2"], {e["owner"]: bytes.fromhex(e["envelope"]) for e in inbox["envelopes"]})
        uploads, aux, manifest, signature = island.mask(*one.plain(task, island))
        slices = uploads[0][1]
        for encoding in "f32", "f16", "bf16":
            self.refused(1, "wrong_encoding", "federated_begin_update", round_id, manifest, encoding)
        self.refused(1, "wrong_encoding", "federated_submit_update", round_id, bytes(4 * (262080 + 17)), 100, "{}", "f32")
        update = one.call("federated_begin_update", round_id, manifest, "uint32")["update_id"]
        put = lambda number, data, digest=None: ("federated_put_slice", update, number, digest or hashlib.sha256(data).digest(), data)
        commit = "federated_commit_update", update, manifest, 100, "{}", signature
        self.refused(1, "incomplete", *commit)
        for number, data in (0, slices[0][:-4]), (0, slices[1]), (1, slices[1] + bytes(4)), (1, slices[1][:-1]), (1, b""), (2, slices[1]), (-1, b""):
            self.refused(1, "wrong_length", *put(number, data))
        self.refused(1, "wrong_digest", *put(0, slices[0], hashlib.sha256(slices[1]).digest()))
        self.assertEqual(one.call(*put(0, slices[0]))["status"], "stored")
        self.assertEqual(one.call(*put(0, slices[0]))["status"], "stored")
        other = bytes([slices[0][0] ^ 1]) + slices[0][1:]
        self.refused(1, "conflicting_update", *put(0, other))
        self.refused(1, "incomplete", *commit)
        self.assertEqual(one.call(*put(1, slices[1]))["status"], "stored")
        self.refused(1, "incomplete", *commit)  # aux is missing
        self.assertEqual(one.call("federated_secagg_aux", *self.where(), aux)["status"], "accepted")
        self.assertEqual(one.call(*commit)["status"], "accepted")
        one.update, one.manifest, one.signature = update, manifest, signature
        # stored pages are the bytes that came first
        vector = server().run("SELECT v.relation, v.id FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.id = %s", update)[0]
        for number, data in enumerate(slices):
            self.assertEqual(server().value("SELECT federated.read_slice(%s, %s, %s, %s)", *vector, number, len(data)), data)
        self.until("done")
        self.check_sum([1, 2, 3])

    def test_other_bytes_than_the_manifest(self):
        """A slice that is not the one of the manifest was stored: the update can never be committed."""
        self.begin([1, 2, 3, 4])
        self.until("mask")
        one = player(1)
        call = one.call

        def lie(function, *arguments):
            if function == "federated_put_slice":
                data = bytes(40)
                arguments = (*arguments[:2], hashlib.sha256(data).digest(), data)
            return call(function, *arguments)

        self.patched(1, "call", lie)
        answer = self.act(1)[0]
        del one.call
        self.check_refused(answer, "wrong_digest")
        self.refused(1, "wrong_digest", "federated_commit_update", one.update, one.manifest, 100, "{}", one.signature)
        self.refused(1, "conflicting_update", "federated_put_slice", one.update, 0, hashlib.sha256(one.slices[0]).digest(), one.slices[0])
        self.everybody([2, 3, 4])
        self.expire()
        self.until("done", [2, 3, 4])
        self.check_sum([2, 3, 4])


if __name__ == "__main__":
    unittest.main(verbosity=2)
