"""The server that PGHOST names, for tests that kill it, copy it and recover it. Laid out as scripts/lib/cluster.sh does:
DIR/data, DIR/socket, DIR/server.log."""

import os
import shutil
import signal
import subprocess
import time


class Cluster:
    processes = {}  # servers that we have started, by pid

    def __init__(self, directory, bindir):
        self.directory, self.bindir = directory, bindir
        self.data, self.socket, self.log = (os.path.join(directory, name) for name in ("data", "socket", "server.log"))

    @classmethod
    def of(cls, server):
        bindir = server.value("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        return cls(os.path.dirname(os.environ["PGHOST"]), bindir)

    def owner(self):
        """Arguments of subprocess: as the owner of the server's files, who is not root."""
        owner = os.stat(self.directory)
        user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return {"cwd": "/", "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **user}

    def run(self, program, *arguments):
        done = subprocess.run([os.path.join(self.bindir, program), *arguments], stdout=subprocess.PIPE, text=True, check=False, **self.owner())
        if done.returncode != 0:
            raise AssertionError(f"{program} {' '.join(arguments)}: {done.stdout}")

    def pid_file(self):
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def start(self):
        """Our own child, so that it is gone when it is killed. Tried for a while: after a kill -9 the old server's
        children need a moment to let go of shared memory."""
        deadline = time.monotonic() + 30
        process = None
        while not process or [str(process.pid), "ready"] != [line.strip() for line in self.pid_file()[::7][:2]]:
            if time.monotonic() > deadline:
                raise AssertionError(f"the server under {self.directory} does not start, see {self.log}")
            if process is None or process.poll() is not None:
                with open(self.log, "ab") as log:
                    process = subprocess.Popen([os.path.join(self.bindir, "postgres"), "-D", self.data, "-k", self.socket],
                                               stdout=log, start_new_session=True, **self.owner())
                Cluster.processes[process.pid] = process
            time.sleep(0.02)

    def stop(self, mode="fast"):
        pid = int(self.pid_file()[0])
        self.run("pg_ctl", "-D", self.data, "-s", "-w", "-m", mode, "stop")
        self.forget(pid)

    def kill(self):
        """What a power failure of the server's process looks like."""
        pid = int(self.pid_file()[0])
        os.kill(pid, signal.SIGKILL)
        self.forget(pid)

    def forget(self, pid):
        if pid in self.processes:
            self.processes.pop(pid).wait()

    def copy(self, directory):
        """Another cluster: this one as it is now, from which recovery can start."""
        os.makedirs(os.path.join(directory, "socket"))
        for path in directory, os.path.join(directory, "socket"):
            shutil.chown(path, os.stat(self.data).st_uid, os.stat(self.data).st_gid)
        made = Cluster(directory, self.bindir)
        self.run("pg_basebackup", "-h", self.socket, "-U", os.environ["PGUSER"], "-D", made.data, "-X", "none", "-c", "fast")
        return made

    def recover(self, source, target):
        """This copy goes on from a restore point of the server that it was copied from, on a timeline of its own."""
        with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="ascii") as file:
            # not open to anybody before it has come to the point
            file.write(f"hot_standby = off\nrestore_command = 'cp {source.data}/pg_wal/%f %p'\n"
                       f"recovery_target_name = '{target}'\nrecovery_target_action = 'promote'\n")
        signal_file = os.path.join(self.data, "recovery.signal")
        with open(signal_file, "w", encoding="ascii"):
            pass
        shutil.chown(signal_file, os.stat(self.data).st_uid, os.stat(self.data).st_gid)
        self.start()
