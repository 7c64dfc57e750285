"""Islands that are lost at the stages of an attempt. Who is in each set, what is summed and who is paid follow from the
protocol's rules alone, which are written down here once more."""

import fsa1
from case import Case, player, server

STAGES = {"active": ("advertise", "share", "mask", "agree", "reveal"), "semi_honest": ("advertise", "share", "mask", "reveal")}
MISSED = {"advertise": "missed the roster", "share": "missed sending its shares", "mask": "missed the deadline"}


def without(numbers, lost):
    return [number for number in numbers if number not in lost]


class Outcome:
    """Who is in U1 to U5, by the stage that makes the set, as far as an attempt comes; and where it falls short."""

    def __init__(self, mode, numbers, lost):
        self.sets, self.short, self.left = {}, None, numbers
        for stage in STAGES[mode]:
            self.left = without(self.left, lost[stage])
            if stage == "advertise":
                self.n = len(self.left)
                self.t = 2 * self.n // 3 + 1 if mode == "active" else self.n // 2 + 1
            needed = {"advertise": 3, "agree": self.t, "reveal": self.t}.get(stage, max(self.t, 3))
            if len(self.left) < needed:
                self.short = stage
                break
            self.sets[stage] = self.left


class Lost(Case):
    def lose(self, numbers, missing, mode="active", **config):
        """Plays one attempt; each Island that is lost misses one of these stages and is not heard of any more."""
        self.begin(numbers, mode=mode, price={"per_round": 2}, max_participants=len(numbers), **config)
        self.mode = mode
        # another Island in each case, so that every place in the roster is lost at some time
        turn = sum(map(ord, "".join(missing))) % len(numbers)
        order = numbers[turn:] + numbers[:turn]
        self.lost = {stage: [order[at] for at, missed in enumerate(missing) if missed == stage] for stage in STAGES[mode]}
        self.outcome = Outcome(mode, numbers, self.lost)
        left = numbers
        for stage in STAGES[mode]:
            self.check_state(stage)
            left = without(left, self.lost[stage])
            for answer in self.everybody(left).values():
                self.assertEqual(answer["status"], "accepted", answer)
            if stage == self.outcome.short:
                return
            if self.lost[stage] and stage != "reveal":
                self.check_state(stage)  # they might still come
                self.expire()

    def members(self):
        """{stage: who of the last attempt is in the set that it makes}, and the attempt's n and t."""
        rows = server().run(
            "SELECT substr(i.host_id, 8)::integer, m.u IS NOT NULL, m.shared_at IS NOT NULL, o.disposition, m.agreement IS NOT NULL,"
            " m.revealed_at IS NOT NULL FROM federated.secagg_members m JOIN federated.islands i ON i.id = m.island_id"
            " LEFT JOIN federated.secagg_owners o ON o.attempt_id = m.attempt_id AND o.owner = m.u"
            " WHERE m.attempt_id = %s ORDER BY 1", self.attempt_id())
        kinds = {number: kind for number, _, _, kind, _, _ in rows}
        sets = {"advertise": [r[0] for r in rows if r[1]], "share": [r[0] for r in rows if r[2]],
                "mask": [r[0] for r in rows if r[3] == "b"], "agree": [r[0] for r in rows if r[4]], "reveal": [r[0] for r in rows if r[5]]}
        self.assertEqual({number for number, kind in kinds.items() if kind == "sk"}, set(sets["share"]) - set(sets["mask"]))
        return sets, server().run("SELECT n, t FROM federated.secagg_attempts WHERE id = %s", self.attempt_id())[0]

    def check_done(self, sets):
        """The sets are the ones that the rules give, the sum holds U3 and nothing else, and U3 is paid."""
        stored, numbers = self.members()
        for stage in STAGES[self.mode]:
            self.assertEqual(stored[stage], sets[stage], stage)
        n = len(sets["advertise"])
        self.assertEqual(numbers, (n, fsa1.threshold(self.mode, n)))
        self.check_sum(sets["mask"])
        self.check_cleared()
        tasks = dict(server().run(
            "SELECT substr(i.host_id, 8)::integer, t.state FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id"
            " JOIN federated.islands i ON i.id = t.island_id WHERE r.session_id = %s AND r.kind = 'train'", self.session))
        self.assertEqual(tasks, {number: "done" if number in sets["mask"] else "dropped" for number in self.numbers})
        paid = server().run("SELECT substr(i.host_id, 8)::integer, l.amount FROM federated.ledger l JOIN federated.islands i ON i.id = l.island_id"
                            " WHERE l.session_id = %s AND l.kind = 'payment' ORDER BY 1", self.session)
        self.assertEqual(paid, [(number, 2_000_000) for number in sets["mask"]])

    def check_kinds(self, numbers):
        """What Islands gave away makes b of U3 and the mask key of those lost before their update was in, and nothing else."""
        islands = {player(n).attempts[self.session, 1, 1].u: player(n).attempts[self.session, 1, 1] for n in self.outcome.sets["share"]}
        summed = {player(n).attempts[self.session, 1, 1].u for n in self.outcome.sets["mask"]}
        some = next(iter(islands.values()))
        secrets = fsa1.recover(some.c0, self.mode, some.advs, [player(n).revealed for n in numbers])
        self.assertEqual(secrets, {u: (fsa1.B, i.b) if u in summed else (fsa1.SK, i.m_sk) for u, i in islands.items()})

    def check_reasons(self):
        rows = server().run("SELECT substr(i.host_id, 8)::integer, t.reason FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id"
                            " JOIN federated.islands i ON i.id = t.island_id WHERE r.session_id = %s AND t.state = 'dropped'", self.session)
        self.assertEqual(dict(rows), {number: MISSED[stage] for stage in MISSED for number in self.lost[stage]})

    def check_survived(self):
        self.assertIsNone(self.outcome.short)
        self.check_done(self.outcome.sets)
        self.check_kinds(self.outcome.sets["reveal"])
        self.check_reasons()

    # what is left to do when too few are left

    def finish_share(self):
        self.assertEqual(self.expire()[0], "secagg_retried")
        self.finish_again()

    def finish_mask(self):
        """More time is given; when it is known that nobody will come, another attempt begins."""
        self.check_state("mask")
        self.assertEqual(self.expire(), ["round_extended"])
        self.check_state("mask")
        self.leave(*self.lost["mask"])
        self.assertEqual(server().drive(self.session)[0], "secagg_retried")
        self.finish_again()

    def finish_agree(self):
        self.check_state("agree")
        self.assertEqual(self.expire()[0], "secagg_retried")
        self.finish_again()

    def finish_again(self):
        """A second attempt, of those who are still there."""
        self.check_state("advertise", 2)
        self.check_nothing_given()
        self.everybody(self.outcome.left)
        if server().state(self.session) == "advertise":
            self.expire()  # those who did not say that they leave are waited for
        self.until("done", self.outcome.left)
        self.check_state("done", 2)
        self.check_done(dict.fromkeys(STAGES["active"], self.outcome.left))

    def check_nothing_given(self):
        self.check_nothing_revealed()
        self.assertEqual(self.rows("reveals"), 0)
        self.assertNotIn("reveal", [event["state"] for event in self.events("secagg_stage")])

    def finish_reveal(self):
        """It is waited for shares: nothing is summed with fewer than t of them, and with t it goes on."""
        back = self.lost["reveal"][:self.outcome.t - len(self.outcome.left)]
        self.assertTrue(back)
        for number in back:
            self.check_state("reveal")
            self.check_nothing_revealed()
            with self.assertRaises(fsa1.Refused):
                self.check_kinds(self.outcome.left)
            self.assertEqual(self.everybody([number])[number]["status"], "accepted")
        self.outcome.sets["reveal"] = sorted(self.outcome.left + back)
        self.outcome.short = None
        self.check_survived()
