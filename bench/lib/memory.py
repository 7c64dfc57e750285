"""Private memory of processes while something happens."""

import threading
import time


def anonymous_bytes(pid):
    """Memory that no other process shares: RssAnon, without shared buffers and mapped files. 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def children(pid):
    """Processes that a process has started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def is_ours(pid):
    """Whether a server process is a worker or helper of federated, as its title says."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"federated" in file.read()
    except (FileNotFoundError, ProcessLookupError):
        return False


class Watch:
    """Within a with statement: the peak of each of a server's federated processes, by process id."""

    def __init__(self, postmaster, interval=0.001):
        self.postmaster, self.interval = postmaster, interval
        self.peaks = {}

    def __enter__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while not self.over.is_set():
            for pid in filter(is_ours, children(self.postmaster)):
                self.peaks[pid] = max(self.peaks.get(pid, 0), anonymous_bytes(pid))
            time.sleep(self.interval)
