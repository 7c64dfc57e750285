#!/usr/bin/python3
"""The server of secure aggregation against scripted Islands. Needs a fresh server: see part_secagg of scripts/test."""

import json
import threading
import unittest

import federation
import fsa1
import numpy
import psycopg
from case import Case, model, player, server


class Rounds(Case):
    def complete(self, numbers, count, **config):
        self.begin(numbers, count, **config)
        self.until("done")
        self.check_sum(numbers)

    def test_three_active(self):
        self.complete([1, 2, 3], 10)

    def test_five_active(self):
        self.complete([1, 2, 3, 4, 5], 5000)

    def test_semi_honest(self):
        self.complete([1, 2, 3, 4], 2017, mode="semi_honest")

    def test_several_slices(self):
        self.complete([1, 2, 3], 2 * 262080 + 17, secagg_sample_cap=300)

    def test_hidden_weights(self):
        self.complete([1, 2, 3], 10, secagg_weights="hidden", price={"per_round": 2}, max_participants=3)
        told = server().value("SELECT federated_session(%s)", self.session)
        self.assertEqual([told["rounds"][0]["samples"]] + [p["total_samples"] for p in told["participants"]], [None, 0, 0, 0])
        self.assertEqual(told["secure_aggregation"]["coordinator_learns"][2], "the sum of the Islands' weights")
        made = server().value("SELECT provenance FROM federated.model_versions WHERE session_id = %s", self.session)
        self.assertEqual((made["updates"], made["samples"]), (3, None))
        self.assertEqual(server().value("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
                                        " WHERE r.session_id = %s AND num_samples IS NOT NULL", self.session), 0)
        self.assertEqual(server().run("SELECT amount FROM federated.ledger WHERE kind = 'payment' AND session_id = %s", self.session),
                         [(2000000,)] * 3)

    def test_masked_metrics_and_evaluation(self):
        numbers = [1, 2, 3]
        for number in numbers:
            player(number).metrics = {"evaluation.accuracy": number / 4, "training.loss": 2.5 if number < 3 else None}
        self.begin(numbers, rounds=2, secagg_metrics="masked",
                   secagg_metric_bounds={"evaluation": {"accuracy": 1}, "training": {"loss": 10}})
        self.until("done")
        self.assertEqual(server().status(self.session)[0], "completed")
        rounds = server().run("SELECT kind, state, evaluation, training FROM federated.rounds WHERE session_id = %s ORDER BY id", self.session)
        self.assertEqual([(kind, state) for kind, state, _, _ in rounds], [("train", "closed")] * 2 + [("evaluate", "closed")])
        for _, _, evaluation, training in rounds:
            self.assertAlmostEqual(evaluation["accuracy"], (100 * 1 + 200 * 2 + 300 * 3) / 600 / 4, places=4)
            self.assertAlmostEqual(training["loss"], 2.5, places=4)
        self.assertEqual(server().run("SELECT DISTINCT metrics FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
                                      " WHERE r.session_id = %s", self.session), [({},)])
        self.assertEqual([row[0] for row in server().run(
            "SELECT round_no FROM federated.secagg_attempts WHERE session_id = %s ORDER BY id", self.session)], [1, 2, 3])

    def test_visible_metrics(self):
        self.begin([1, 2, 3], secagg_metrics="visible")
        commit = federation.Player.commit
        try:
            federation.Player.commit = lambda self, samples: self.call(
                "federated_commit_update", self.update, self.manifest, samples, json.dumps({"training": {"loss": self.number}}), self.signature)
            self.until("done")
        finally:
            federation.Player.commit = commit
        self.assertEqual(server().value("SELECT training FROM federated.rounds WHERE session_id = %s AND kind = 'train'", self.session),
                         {"loss": 1400 / 600})
        # the evaluation after the last round is an ordinary one
        task = player(1).task(self.session)
        self.assertEqual((task["kind"], task["secagg"]), ("evaluate", None))

    def test_without_metrics_nothing_is_evaluated_after_a_spent_budget(self):
        self.begin([1, 2, 3], rounds=2, price={"per_round": 2}, budget=6, max_participants=3)
        self.until("done")
        status, reason = server().status(self.session)
        self.assertEqual(status, "completed")
        self.assertIn("the budget does not pay round 2", reason)
        self.assertEqual(server().run("SELECT kind FROM federated.rounds WHERE session_id = %s", self.session), [("train",)])

    def test_model_that_does_not_change(self):
        self.begin([1, 2, 3], rounds=2)
        delta = federation.Player.delta
        try:
            federation.Player.delta = lambda self, task: numpy.zeros(task["parameters"], numpy.float32)
            self.until("failed")
        finally:
            federation.Player.delta = delta
        self.check_failed("the model did not change")

    def test_nothing_is_left(self):
        self.complete([1, 2, 3], 10)
        self.check_cleared()
        self.assertEqual(self.rows("owners"), 3)
        self.assertEqual([event["state"] for event in self.events("secagg_stage")],
                         ["advertise", "share", "mask", "agree", "reveal", "sum", "done"])


class DropOuts(Case):
    def test_before_and_after_sharing(self):
        self.begin([1, 2, 3, 4, 5, 6, 7])
        self.until("share")
        self.everybody([1, 2, 3, 4, 5, 6])
        self.check_state("share")
        self.expire()
        self.check_state("mask")
        self.everybody([1, 2, 3, 4, 5])
        self.check_state("mask")
        self.expire()
        self.until("done", [1, 2, 3, 4, 5])
        self.check_sum([1, 2, 3, 4, 5])

    def test_after_commit(self):
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.everybody([1, 2, 3])
        self.check_state("agree")
        self.expire()
        self.check_state("reveal")
        self.assertIsNone(player(4).task(self.session))  # it has not signed: nothing is due to it
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3, 4])

    def test_ten_seconds_without_a_signature(self):
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.everybody([1, 2, 3])
        due = server().value("SELECT extract(epoch FROM due_at - now()) FROM federated.due WHERE session_id = %s", self.session)
        self.assertTrue(0 < due <= 10, due)

    def test_too_few_updates(self):
        self.begin([1, 2, 3, 4, 5, 6, 7])
        self.until("share")
        self.everybody([1, 2, 3, 4, 5, 6])
        self.expire()
        self.everybody([1, 2, 3, 4])
        self.check_state("mask")
        self.leave(5, 6)
        server().drive(self.session)
        self.check_state("mask")
        self.assertEqual(self.expire()[0], "round_extended")
        self.check_state("advertise", 2)
        self.assertEqual(self.rows("reveals"), 0)
        # who was lost before sharing is asked again, and masks are new
        self.until("done", [1, 2, 3, 4, 7])
        self.check_sum([1, 2, 3, 4, 7])
        digests = server().run("SELECT digest FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
                               " WHERE r.session_id = %s", self.session)
        self.assertEqual(len(digests), len(set(digests)))

    def test_three_do_not_survive(self):
        self.begin([1, 2, 3], secagg_max_attempts=2)
        for attempt in 1, 2:
            self.until("share")
            self.everybody([1, 2])
            self.check_state("share", attempt)
            self.expire()
        self.check_failed("gave up after 2 attempts: 2 of 3 Islands have sent their shares")

    def test_too_few_advertise(self):
        self.begin([1, 2, 3, 4], min_updates=3)
        self.everybody([1, 2])
        self.assertEqual(self.expire(), ["round_extended"])
        self.everybody([3])
        self.check_state("advertise")
        self.expire()
        self.check_state("share")
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3])

    def test_too_few_sign(self):
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.everybody([1, 2])
        self.expire()
        self.check_state("advertise", 2)
        self.until("done")
        self.check_sum([1, 2, 3, 4])

    def test_too_few_reveal(self):
        self.begin([1, 2, 3, 4, 5])
        self.until("reveal")
        self.everybody([1, 2, 3])
        self.check_state("reveal")
        self.expire()
        self.check_failed("secure aggregation: 3 of 4 shares for owner")
        self.check_state("failed")

    def test_leaving_after_commit(self):
        self.begin([1, 2, 3, 4])
        self.until("mask")
        self.everybody([4])
        self.leave(4)
        self.until("agree", [1, 2, 3])
        self.everybody([1, 2, 3])
        self.expire()
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3, 4])

    def test_who_left_is_not_asked_again(self):
        self.begin([1, 2, 3, 4, 5])
        self.until("agree")
        self.leave(4)
        self.everybody([1, 2, 3])
        self.expire()
        self.check_state("advertise", 2)
        self.assertIsNone(player(4).task(self.session))
        self.everybody([1, 2, 3, 5])
        self.check_state("share", 2)  # nobody is waited for
        self.until("done", [1, 2, 3, 5])
        self.check_sum([1, 2, 3, 5])


class Refusals(Case):
    def test_advertise(self):
        self.begin([1, 2, 3])
        one, two = player(1), player(2)
        islands = {p: p.begin(p.task(self.session)) for p in (one, two)}
        adv, public, signature = islands[one].advertise()
        say = lambda p, *message: p.call("federated_secagg_advertise", *self.where(), *message)
        with self.assertRaises(psycopg.errors.InvalidParameterValue):
            say(one, adv[:-1], public, signature)
        self.check_refused(say(two, adv, public, signature), "secagg_bad_signature")  # another's identity
        self.check_refused(say(one, adv, None, None), "secagg_bad_signature")
        self.check_refused(say(one, adv, public, bytes(64)), "secagg_bad_signature")
        changed = bytes(16) + adv[16:]
        self.check_refused(say(one, changed, public, one.identity.sign_adv(islands[one].c0, changed)), "secagg_bad_message")
        low = adv[:16] + bytes(32) + adv[48:]
        self.check_refused(say(one, low, public, one.identity.sign_adv(islands[one].c0, low)), "secagg_bad_message")
        other = one.identity.sign_adv(bytes(32), adv)
        self.check_refused(say(one, adv, public, other), "secagg_bad_signature")  # over another c0
        self.assertEqual(say(one, adv, public, signature)["status"], "accepted")
        self.assertEqual(say(one, adv, public, signature)["status"], "accepted")
        again = islands[one].__class__(islands[one].params, one.identity).advertise()
        self.check_refused(say(one, *again), "secagg_conflict")
        reused = islands[two].advertise()[0][:16] + adv[16:]
        self.check_refused(say(two, reused, two.identity.public, two.identity.sign_adv(islands[two].c0, reused)), "secagg_key_reused")
        self.check_refused(player(4).call("federated_secagg_advertise", *self.where(), adv, public, signature), "not_participant")
        self.check_refused(one.call("federated_secagg_advertise", self.session, 1, 2, adv, public, signature), "secagg_stale")
        with self.assertRaises(psycopg.errors.ObjectNotInPrerequisiteState):
            one.call("federated_secagg_roster", *self.where())
        self.check_refused(one.call("federated_secagg_share", *self.where(), b""), "secagg_stale")
        self.assertEqual(server().value("SELECT count(*) FROM federated.rejections WHERE session_id = %s AND reason LIKE 'secagg%%'",
                                        self.session), 9)

    def test_share_to_reveal(self):
        self.begin([1, 2, 3])
        one = player(1)
        self.until("share")
        self.check_refused(one.call("federated_secagg_share", *self.where(), bytes(94)), "secagg_bad_message")
        self.until("mask")
        self.check_again(1, "federated_secagg_share", one.envelopes)
        self.check_refused(one.call("federated_secagg_share", *self.where(), bytes(188)), "secagg_conflict")
        round_id = one.task(self.session)["round_id"]
        self.check_refused(one.call("federated_begin_update", round_id, bytes(32), "f32"), "wrong_encoding")
        self.check_refused(one.call("federated_secagg_aux", *self.where(), bytes(8)), "secagg_bad_message")
        self.everybody([1])
        self.check_again(1, "federated_secagg_aux", one.aux)
        self.check_refused(one.call("federated_secagg_aux", *self.where(), bytes(12)), "secagg_conflict")
        self.assertEqual(one.commit(100)["status"], "accepted")
        self.check_refused(one.call("federated_begin_update", round_id, bytes(32), "uint32"), "conflicting_update")
        self.check_refused(one.call("federated_commit_update", one.update, bytes(32), 100, "{}", one.signature), "conflicting_update")
        self.check_refused(one.call("federated_secagg_agree", *self.where(), bytes(64)), "secagg_stale")
        with self.assertRaises(psycopg.errors.ObjectNotInPrerequisiteState):
            one.call("federated_secagg_sets", *self.where())
        self.until("agree")
        self.check_refused(one.call("federated_secagg_agree", *self.where(), bytes(64)), "secagg_bad_signature")
        self.check_refused(one.call("federated_secagg_reveal", *self.where(), b""), "secagg_stale")
        self.until("reveal")
        island = one.begin(one.task(self.session))
        told = one.call("federated_secagg_agreements", *self.where())
        right = island.reveal({s["u"]: bytes.fromhex(s["signature"]) for s in told["signatures"]})
        other_kind = right[:4] + bytes([2]) + right[5:]
        other_x = right[:5] + bytes([right[5] % 3 + 1]) + right[6:]
        for wrong in other_kind, other_x, right[:-1], right[:-38], right + right[:38], b"":
            self.check_refused(one.call("federated_secagg_reveal", *self.where(), wrong), "secagg_bad_message")
        self.assertEqual(self.rows("reveals"), 0)
        self.everybody([1])
        self.check_again(1, "federated_secagg_reveal", one.revealed)
        changed = right[:-1] + bytes([right[-1] ^ 1])
        self.check_refused(one.call("federated_secagg_reveal", *self.where(), changed), "secagg_conflict")
        self.until("done")
        self.check_sum([1, 2, 3])
        self.check_again(1, "federated_secagg_reveal", one.revealed)

    def test_twice_at_once(self):
        """The same message on two connections: the second waits, and finds that it is there."""
        self.begin([1, 2, 3])
        self.until("share")
        one, answers = player(1), []
        real, one.call = one.call, lambda function, *arguments: bytes(188) if function == "federated_secagg_share" else real(function, *arguments)
        self.addCleanup(lambda: one.__dict__.pop("call", None))
        one.act(one.task(self.session))
        del one.call
        statement, arguments = "SELECT federated_secagg_share(%s, %s, %s, %s)", [*self.where(), one.envelopes]
        with federation.connect(one.role) as first, federation.connect(one.role) as second:
            first.autocommit = False
            first.execute(statement, arguments)
            waiting = threading.Thread(target=lambda: answers.append(second.execute(statement, arguments).fetchone()[0]))
            waiting.start()
            waiting.join(0.3)
            self.assertTrue(waiting.is_alive())
            first.commit()
            waiting.join()
        self.assertEqual(answers, [{"status": "accepted"}])
        self.until("done")
        self.check_sum([1, 2, 3])

    def test_commit(self):
        self.begin([1, 2, 3])
        self.until("mask")
        one = player(1)
        commits = {}

        def commit(samples):
            say = lambda **other: one.call("federated_commit_update", one.update, one.manifest, other.get("samples", samples),
                                           other.get("metrics", "{}"), other.get("signature", one.signature))
            commits.update(no_samples=say(samples=None), metrics=say(metrics='{"training": {"loss": 1}}'),
                           signature=say(signature=bytes(64)), none=say(signature=None))
            return say()

        one.commit = commit
        try:
            answer = self.everybody([1])[1]
        finally:
            del one.commit
        self.assertEqual(answer["status"], "accepted")
        self.assertEqual({name: given["reason"] for name, given in commits.items()},
                         {"no_samples": "bad_num_samples", "metrics": "bad_metrics", "signature": "secagg_bad_signature",
                          "none": "secagg_bad_signature"})

    def test_slices(self):
        self.begin([1, 2, 3])
        self.until("mask")
        one = player(1)
        answers = {}

        def commit(samples):
            answers["other"] = one.call("federated_put_slice", one.update, 0, fsa1.sha256(bytes(40)), bytes(40))
            answers["begun"] = one.call("federated_begin_update", one.task(self.session)["round_id"], bytes(32), "uint32")
            return federation.Player.commit(one, samples)

        one.commit = commit
        try:
            self.assertEqual(self.everybody([1])[1]["status"], "accepted")
        finally:
            del one.commit
        self.assertEqual({name: given["reason"] for name, given in answers.items()}, {"other": "conflicting_update", "begun": "secagg_conflict"})

    def test_commit_after_freeze(self):
        self.begin([1, 2, 3, 4])
        self.until("mask")
        four = player(4)
        four.commit = lambda samples: {"status": "held back"}
        try:
            self.everybody([4])
        finally:
            del four.commit
        self.everybody([1, 2, 3])
        self.expire()
        self.check_state("agree")
        self.check_refused(four.commit(400), "stale_round")
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3])

    def test_plain_sessions_take_no_masks(self):
        session = server().start([1, 2, 3], model(10), secure_aggregation=False)
        server().drive(session)
        task = player(1).task(session)
        self.assertIsNone(task["secagg"])
        self.check_refused(player(1).call("federated_begin_update", task["round_id"], bytes(32), "uint32"), "wrong_encoding")


class Liars(Case):
    def test_wrong_share(self):
        self.begin([1, 2, 3, 4, 5])

        def reveal(task, island, where):
            holder = min(owner for owner in island.shares)
            sk, b = island.shares[holder]
            island.shares[holder] = sk, bytes([b[0] ^ 1]) + b[1:]
            return federation.Player.reveal(player(1), task, island, where)

        self.patched(1, "reveal", reveal)
        self.until("reveal")
        self.everybody([1, 2, 3, 4])
        self.check_state("reveal")  # four shares, one of them wrong: more may come
        self.everybody([5])
        self.check_sum([1, 2, 3, 4, 5])
        noted = self.events("secagg_share_deviates")
        liar = player(1).attempts[self.session, 1, 1].u
        self.assertEqual([(event["owner"], event["revealers"]) for event in noted], [(1, [liar])])

    def test_other_secret_than_committed(self):
        self.begin([1, 2, 3, 4])
        self.deal_another_b()
        self.until("failed")
        self.check_failed("shares of Island island-1 do not make the secret that it has committed to")

    def deal_another_b(self):
        """Island 1 deals shares of another b than it has committed to."""
        def share(task, island, where):
            right, island.b = island.b, bytes(32)
            answer = federation.Player.share(player(1), task, island, where)
            island.b = right
            return answer

        self.patched(1, "share", share)

    def test_shares_do_not_fit_in_time(self):
        self.begin([1, 2, 3, 4, 5])
        self.deal_another_b()
        self.until("reveal")
        self.everybody([1, 2, 3, 4])
        self.check_state("reveal")  # enough of them; the fifth might help
        self.expire()
        self.check_failed("4 shares of Island island-1 do not make the secret that it has committed to")

    def test_deviation_is_noted_once(self):
        self.begin([1, 2, 3, 4, 5, 6, 7])
        self.deal_another_b()

        def reveal(task, island, where):
            dealer = player(1).attempts[self.session, 1, 1].u
            owner = min(owner for owner in island.shares if owner != dealer)
            sk, b = island.shares[owner]
            island.shares[owner] = sk, bytes([b[0] ^ 1]) + b[1:]
            return federation.Player.reveal(player(2), task, island, where)

        self.patched(2, "reveal", reveal)
        self.until("reveal")
        self.everybody([1, 2, 3, 4, 5, 6])
        self.check_state("reveal")
        self.until("failed")
        self.assertEqual(len(self.events("secagg_share_deviates")), 1)

    def test_wrong_count(self):
        for place, value, words in (1, 2, "the masked count is 4 for 3 updates"), (0, 7, "the masked weights add up to"):
            with self.subTest(words):
                self.begin([1, 2, 3])

                def plain(task, island):
                    vectors, aux = federation.Player.plain(player(1), task, island)
                    aux[place] = value
                    return vectors, aux

                player(1).plain = plain
                try:
                    self.until("failed")
                finally:
                    del player(1).plain
                self.check_failed(words)

    def spoil(self, victims):
        """Island 1 deals envelopes that the first so many others cannot open."""
        def share(task, island, where):
            envelopes = island.envelopes

            def spoilt():
                data = envelopes()
                return bytes(94) * victims + data[94 * victims:]

            island.envelopes = spoilt
            return federation.Player.share(player(1), task, island, where)

        self.patched(1, "share", share)

    def test_one_envelope_does_not_open(self):
        self.begin([1, 2, 3, 4, 5])
        self.spoil(1)
        self.until("done")
        self.check_sum([1, 2, 3, 4, 5])

    def test_envelopes_do_not_open(self):
        self.begin([1, 2, 3, 4, 5])
        self.spoil(2)
        self.until("mask")
        self.everybody()
        self.check_state("advertise", 2)
        self.assertIsNone(player(1).task(self.session))
        self.until("done")
        self.check_sum([2, 3, 4, 5])

    def complainer(self):
        """Who cannot open an envelope of Island 1 when it spoils one: the first other in the roster."""
        return min((number for number in self.numbers if number != 1),
                   key=lambda number: player(number).attempts[self.session, 1, 1].u)

    def check_not_opened(self):
        """A sum that could not be had is not asked for: nothing was revealed, and the next attempt goes well."""
        self.check_state("advertise", 2)
        self.assertNotIn("reveal", [event["state"] for event in self.events("secagg_stage")])
        player(1).share = lambda *arguments: federation.Player.share(player(1), *arguments)
        self.until("done")
        self.check_sum(self.numbers)

    def test_too_few_signers_hold_a_share(self):
        self.begin([1, 2, 3, 4])
        self.spoil(1)
        self.until("agree")
        self.everybody([2, 3, 4])  # t of them, but for Island 1 one cannot reveal
        due = server().value("SELECT due_at > now() + interval '1 minute' FROM federated.due WHERE session_id = %s", self.session)
        self.assertTrue(due)
        self.expire()
        self.check_not_opened()

    def test_too_few_updates_with_a_share(self):
        self.begin([1, 2, 3, 4])
        self.spoil(1)
        self.until("mask")
        others = [number for number in (2, 3, 4) if number != self.complainer()]
        self.everybody([1, self.complainer(), others[0]])
        self.assertEqual(self.expire(), ["round_extended"])
        self.check_state("mask")
        self.expire()
        self.check_not_opened()

    def test_too_few_left_with_a_share(self):
        self.begin([1, 2, 3, 4])
        self.spoil(1)
        self.until("mask")
        others = [number for number in (2, 3, 4) if number != self.complainer()]
        self.everybody([1, self.complainer(), others[0]])
        player(others[1]).call("federated_decline_task", player(others[1]).task(self.session)["round_id"], "no")
        server().drive(self.session)
        self.check_not_opened()


class Sessions(Case):
    def test_reveal_while_paused(self):
        self.begin([1, 2, 3])
        self.until("reveal")
        tasks = {number: player(number).task(self.session) for number in self.numbers}
        server().run("SELECT federated_pause_session(%s)", self.session)
        for number, task in tasks.items():
            self.assertEqual(player(number).act(task)["status"], "accepted")
        self.check_state("reveal")
        server().run("SELECT federated_resume_session(%s)", self.session)
        server().drive(self.session)
        self.check_sum([1, 2, 3])

    def test_only_enrolled(self):
        self.begin([1, 2, 3])
        told = server().value("SELECT federated_session(%s)", self.session)
        self.assertEqual((told["secure_aggregation"]["mode"], len(told["participants"])), ("active", 3))
        server().run("SELECT federated_cancel_session(%s)", self.session)
        server().run("DELETE FROM federated.island_identities WHERE identity_pk = %s", player(3).identity.public)
        workload = server().value("SELECT max(id) FROM federated.workloads")
        session = server().value("SELECT federated_start_session('s', %s, 1, %s)", workload, json.dumps(
            {"secure_aggregation": True, "secagg_mode": "active", "heartbeat_timeout": 86400}))
        server().drive(session)
        self.assertEqual(server().status(session)[0], "recruiting")
        self.assertIsNone(server().value("SELECT nullif(due_at, 'infinity') FROM federated.due WHERE session_id = %s", session))
        server().run("SELECT federated_cancel_session(%s)", session)


class Constraints(Case):
    """What the owner of the tables cannot do by a mistake."""

    def refused(self, error, query, *arguments):
        with self.assertRaises(error):
            server().run(query, *arguments)

    def test_one_kind_for_each_owner(self):
        prerequisite = psycopg.errors.ObjectNotInPrerequisiteState
        self.begin([1, 2, 3])
        self.until("mask")
        attempt = server().value("SELECT id FROM federated.secagg_attempts WHERE session_id = %s", self.session)
        reveal = "INSERT INTO federated.secagg_reveals VALUES (%s, 1, 2, %s, 2, %s)"
        self.refused(prerequisite, reveal, attempt, "b", bytes(32))
        self.refused(prerequisite, "INSERT INTO federated.secagg_owners VALUES (%s, 1, 'b')", attempt)
        for column, value in ("mode", "'semi_honest'"), ("t", "2"), ("ctx", "c0"), ("base", "c0"), ("c0", "base"), ("state", "'sum'"), ("state", "'reveal'"):
            self.refused(prerequisite, f"UPDATE federated.secagg_attempts SET {column} = {value} WHERE id = %s", attempt)
        # nobody is in yet: the set cannot be frozen
        self.refused(prerequisite, "UPDATE federated.secagg_attempts SET state = 'agree' WHERE id = %s", attempt)
        self.until("reveal")
        self.refused(psycopg.errors.ForeignKeyViolation, reveal, attempt, "sk", bytes(32))
        self.refused(psycopg.errors.CheckViolation, "INSERT INTO federated.secagg_reveals VALUES (%s, 1, 2, 'b', 3, %s)", attempt, bytes(32))
        for statement in ("UPDATE federated.secagg_owners SET disposition = 'sk'", "DELETE FROM federated.secagg_owners",
                          "TRUNCATE federated.secagg_owners CASCADE", "UPDATE federated.secagg_reveals SET kind = 'sk'",
                          "UPDATE federated.secagg_attempts SET state = 'aborted' WHERE state = 'reveal'",
                          "DELETE FROM federated.secagg_attempts", "UPDATE federated.secagg_members SET adv = adv || ''::bytea, pid = adv"):
            self.refused((prerequisite, psycopg.errors.CheckViolation), statement)
        bound = ("mode, base, c0, range, levels, clip, noise_var, aux_noise_var, n, t, ctx, sets, state, system_identifier, database_oid,"
                 " timeline")
        second = (f"INSERT INTO federated.secagg_attempts (session_id, round_id, round_no, attempt, {bound})"
                  f" SELECT session_id, round_id, round_no + %s, attempt + 1, {bound} FROM federated.secagg_attempts WHERE id = %s")
        self.refused(prerequisite, second, 1, attempt)  # not from its beginning
        server().run("ALTER TABLE federated.secagg_attempts DISABLE TRIGGER guard_new")
        try:
            self.refused(psycopg.errors.UniqueViolation, second, 0, attempt)  # another live one
            self.refused(psycopg.errors.UniqueViolation, second, 1, attempt)  # another revelation of the base
        finally:
            server().run("ALTER TABLE federated.secagg_attempts ENABLE TRIGGER guard_new")
        server().run("SELECT federated_cancel_session(%s)", self.session)

    def test_members_at_their_time(self):
        """Who has shared is fixed with state share, whatever a later statement might want."""
        prerequisite = psycopg.errors.ObjectNotInPrerequisiteState
        self.begin([1, 2, 3, 4])
        self.until("share")
        attempt = server().value("SELECT id FROM federated.secagg_attempts WHERE session_id = %s", self.session)
        change = "UPDATE federated.secagg_members SET {} WHERE attempt_id = %s AND island_id = (SELECT id FROM federated.islands WHERE host_id = 'island-4')"
        late = ("INSERT INTO federated.secagg_members (attempt_id, island_id, pid, adv) SELECT attempt_id, (SELECT max(id) FROM federated.islands),"
                " substr(adv, 2, 16), adv FROM federated.secagg_members WHERE attempt_id = %s LIMIT 1")
        self.refused(prerequisite, late, attempt)
        self.refused(prerequisite, change.format("complaints = '{1}'"), attempt)
        self.everybody([1, 2, 3])
        self.expire()
        self.check_state("mask")
        self.refused(prerequisite, change.format("shared_at = now(), shares_digest = sha256('')"), attempt)
        self.refused(prerequisite, change.format("agreement = signature, agreed_at = now()"), attempt)
        self.refused(prerequisite, change.format("revealed_at = now(), reveal_digest = sha256('')"), attempt)
        self.until("done", [1, 2, 3])
        self.check_sum([1, 2, 3])

    def test_what_was_given_up_tells_nothing(self):
        self.begin([1, 2, 3])
        self.until("share")
        self.everybody([1])
        server().run("SELECT federated_cancel_session(%s)", self.session)
        for function in "roster", "inbox", "sets", "agreements":
            with self.assertRaisesRegex(psycopg.errors.ObjectNotInPrerequisiteState, '"aborted"'):
                player(1).call(f"federated_secagg_{function}", *self.where())

    def test_progress(self):
        self.begin([1, 2, 3])
        self.until("mask")
        self.everybody([1])
        with federation.connect(federation.SUPERUSER) as db:
            db.execute("CREATE ROLE auditor LOGIN IN ROLE federated_auditor")
        query = "SELECT round, attempt, state, n, t, advertised, shared, committed, agreed, revealed FROM federated.secagg_progress WHERE session_id = %s"
        with federation.connect("auditor") as auditor:
            self.assertEqual(auditor.execute(query, [self.session]).fetchall(), [(1, 1, "mask", 3, 3, 3, 3, 1, 0, 0)])
        with self.assertRaises(psycopg.errors.InsufficientPrivilege):
            player(1).db.execute(query, [self.session])
        with federation.connect(federation.SUPERUSER) as db:
            db.execute("CREATE ROLE stranger LOGIN IN ROLE federated_creator")
        with federation.connect("stranger") as stranger:
            for read in query, "SELECT * FROM federated.secagg_attempt_list(%s)":
                self.assertEqual(stranger.execute(read, [self.session]).fetchall(), [])
        told = server().value("SELECT federated_session(%s)", self.session)["secure_aggregation"]
        with self.assertRaisesRegex(psycopg.errors.ObjectNotInPrerequisiteState, "are masked"):
            server().run("SELECT federated_update_pages(%s)", self.session)
        self.assertEqual((told["state"], told["islands"], told["threshold"], told["updates"]), ("mask", 3, 3, None))
        server().run("SELECT federated_cancel_session(%s)", self.session)

    def test_nobody_reads(self):
        for role in "federated_admin", "federated_auditor", "federated_island":
            for table in "attempts", "members", "keys_seen", "envelopes", "aux", "owners", "reveals", "tasks":
                self.assertFalse(server().value("SELECT has_table_privilege(%s, %s, 'SELECT')", role, f"federated.secagg_{table}"))

    def test_pages_stay_masked(self):
        """With all that the server has ever had, one update is still noise."""
        self.begin([1, 2, 3, 4], 20000)
        self.until("reveal")
        reveals = {}
        for number in self.numbers[:3]:
            self.everybody([number])
            reveals[number] = player(number).revealed
        islands = [player(n).attempts[self.session, 1, 1] for n in self.numbers]
        secrets = fsa1.recover(islands[0].c0, "active", islands[0].advs, reveals.values())
        self.assertEqual({kind for kind, _ in secrets.values()}, {fsa1.B})
        for number, island in zip(self.numbers, islands):
            values = fsa1.unwire(b"".join(player(number).slices))
            own = fsa1.apply(values.copy(), [(fsa1.self_key(secrets[island.u][1], island.ctx, island.u), -1)], 0)
            for masked in values, own:
                counts = numpy.bincount(masked >> 24, minlength=256)
                expected = len(values) / 256
                self.assertLess(((counts - expected) ** 2 / expected).sum(), 380)  # 255 degrees of freedom: 1 in 2.5 million


if __name__ == "__main__":
    unittest.main(verbosity=2)
