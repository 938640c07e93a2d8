"""Shopify's toxiproxy, which tests/peers/fetch.sh puts into build/peers/toxiproxy: a proxy whose connections can be spoilt."""
import contextlib
import json
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import child

SERVER = pathlib.Path(__file__).resolve().parents[2] / "build/peers/toxiproxy/server"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Toxiproxy:
    """One proxy in front of 127.0.0.1:`upstream`; its own address is 127.0.0.1:`port`."""

    def __init__(self, upstream):
        api = free_port()  # toxiproxy does not say which port it chose
        self._api = f"http://127.0.0.1:{api}/proxies"
        self.process = child.start([SERVER, "-host", "127.0.0.1", "-port", api], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = int(self._listening(upstream)["listen"].rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _listening(self, upstream):
        while self.process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):  # until it listens
                return self._call("POST", "", {"name": "peer", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"})
            time.sleep(0.005)
        raise AssertionError(f"toxiproxy ended with {self.process.returncode}")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._api + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.loads(reply.read() or "null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"toxiproxy {method} {path}: {error.code} {error.read().decode()}") from error
        except urllib.error.URLError as error:
            raise error.reason

    @contextlib.contextmanager
    def toxic(self, kind, stream="downstream", toxicity=1.0, **attributes):
        """While it lasts, connections are spoilt: latency (latency, jitter: ms), reset_peer (timeout: ms), timeout (timeout:
        ms, 0: nothing passes and nothing is closed), slow_close (delay: ms), bandwidth (rate: KB/s), limit_data (bytes)."""
        self._call("POST", "/peer/toxics", {"name": "toxic", "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes})
        try:
            yield self
        finally:
            self._call("DELETE", "/peer/toxics/toxic")

    @contextlib.contextmanager
    def refusing(self):
        """While it lasts, every connection is closed and none is taken."""
        self._call("POST", "/peer", {"enabled": False})
        try:
            yield self
        finally:
            self._call("POST", "/peer", {"enabled": True})

    def close(self):
        child.stop(self.process)
