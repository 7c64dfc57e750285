"""An update sent by the client until it is durable and accepted: against a binary COPY of the same page rows into a table like ours."""

from lib.cluster import Cluster
from lib.federation import Federation, random_file
from lib.timing import in_turns


class Uploads:
    """Each upload is another Island's of the same round; each COPY goes into a table of its own."""

    def __init__(self, fed, round_id, path):
        self.fed, self.round_id, self.path = fed, round_id, path
        self.sent = self.copied = 0

    def send(self):
        self.sent += 1
        return self.fed.upload(self.sent, self.round_id, self.path)

    def copy(self):
        self.copied += 1
        table = f"federated.copy_{self.copied}"
        self.fed.admin.execute(f"SELECT federated.create_page_table('copy_{self.copied}')")
        return self.fed.program(0, "in", table, 1, self.path, name="copy")


def run(bench, report):
    values = bench.size(25_000_000, 2_000_000)
    with Cluster(bench.work / "upload", shared_buffers=bench.size("2GB", "128MB"), federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, bench.repeats + 1)
        cluster.touch_buffers(fed.admin)
        session = fed.start(fed.workload(values), bench.repeats + 1)
        uploads = Uploads(fed, fed.advance_to(session, "open"), random_file(bench.work / "update.f32", values))
        taken = in_turns({"upload": uploads.send, "COPY": uploads.copy}, bench.repeats)
        ours, copy = (report.figure(label, seconds, 4 * values / 1e9) for label, seconds in taken.items())
        report.ratio("upload over COPY", copy / ours, 0.9)
        report.note(cluster.shown_settings(fed.admin))
        report.note("Of an upload every slice is hashed twice, checked and acknowledged; COPY is one statement into a table with the same key.")
