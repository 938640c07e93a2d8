#!/usr/bin/env python3
"""mongo-java-server, which tests/peers/fetch.sh puts into build/peers/mongodb_server, as a context manager and as a command.

    mongodb_server.py run -- COMMAND…   runs COMMAND beside a server in memory; REHOME_TEST_MONGODB_URI is its address.
                                        Its exit code is COMMAND's.

It has an oplog and so change streams, which begin with startAtOperationTime; it has no transactions, `hello`, collMod,
validators, $bucketAuto, cluster time or user write blocking.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import child

JARS = pathlib.Path(__file__).resolve().parents[2] / "build/peers/mongodb_server"
# One test machine runs many at once: a small heap, and the compiler that starts quickly.
JAVA = ["java", "-Xss512k", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-cp", f"{JARS}:{JARS}/*"]


class MongoServer:
    """`backend` is memory or h2; h2 keeps what was acknowledged in `directory` (default: one of its own), through kill()
    and restart() too, and a memory server is empty after them. `oplog=False`: as a standalone server, without change streams."""

    def __init__(self, backend="memory", directory=None, oplog=True):
        self._own = tempfile.TemporaryDirectory(prefix="rehome-mongodb-") if backend == "h2" and directory is None else None
        home = self._own.name if self._own else directory
        self._arguments = [f"{home}/store.mv"] if backend == "h2" else []
        self._arguments += [] if oplog else ["--no-oplog"]
        self.port = 0
        self._start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        self.process = child.start([*JAVA, "MongoServerMain", self.port, *self._arguments],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = self.process.stdout.readline()
        if not ready.startswith("ready "):
            said = self.process.stderr.read()
            child.stop(self.process)
            raise AssertionError(f"the MongoDB server did not start: {ready}{said}")
        self.port = int(ready.split()[1])

    def uri(self, database="test"):
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        """SIGKILL: connections break off."""
        child.stop(self.process)

    def restart(self):
        """Kills it if it still runs, and starts it on the same port."""
        self.kill()
        self._start()

    def pause(self):
        """It keeps its connections and answers nothing until resume()."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
        if self._own:
            self._own.cleanup()


def run(command):
    """The exit code of `command`, which finds a server's address in its environment."""
    with MongoServer() as server:
        process = child.start(command, env={**os.environ, "REHOME_TEST_MONGODB_URI": server.uri()})
        try:
            code = process.wait()
        finally:
            child.stop(process)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if sys.argv[1:3] != ["run", "--"] or len(sys.argv) < 4:
        raise SystemExit(f"usage: {pathlib.Path(sys.argv[0]).name} run -- COMMAND…")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(run(sys.argv[3:]))
