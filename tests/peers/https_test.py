"""The way to an index over the network: TLS that is verified, HTTP/2, kept-alive connections, proxies, the control plane.

In front of `rehome pinecone-local` stands hypercorn, an HTTPS server that nobody here wrote; openssl makes the certificates.
"""
import asyncio
import collections
import http.client
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

import hypercorn.asyncio
import hypercorn.config

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402
from harness import DONE, ITEMS, NEW_NAMESPACE, UNREACHABLE, tearDownModule  # noqa: E402,F401

KEY = "over-the-wire"
NAME = "index.example.invalid"  # resolved by nobody: only a proxy leads there


class Front:
    """HTTPS before the server at `upstream`. `served`: HTTP versions and peers of what came through."""

    def __init__(self, upstream, certificate, key):
        self.upstream = urllib.parse.urlsplit(upstream)
        self.served = collections.Counter()
        self.peers = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = hypercorn.config.Config()
        config.bind = [f"127.0.0.1:{self.port}"]
        config.certfile, config.keyfile = str(certificate), str(key)
        config.loglevel = "CRITICAL"
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(config,), daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self, config):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(hypercorn.asyncio.serve(self._app, config, shutdown_trigger=self._stop.wait))

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _app(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.startup":
                    self._ready.set()
                else:
                    return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.served[scope["http_version"]] += 1
        self.peers.add(scope["client"][1])
        status, headers, data = await asyncio.to_thread(self._forward, scope, body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _forward(self, scope, body):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=60)
        target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        passed = {name.decode(): value.decode() for name, value in scope["headers"]
                  if name in (b"api-key", b"content-type", b"x-pinecone-api-version")}
        connection.request(scope["method"], target, body, passed)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, [(name.lower().encode(), value.encode()) for name, value in reply.getheaders()
                              if name.lower() not in ("connection", "transfer-encoding", "keep-alive")], data


class Tunnel:
    """A proxy that takes CONNECT and leads everything to one port. `asked`: where it was asked to lead."""

    def __init__(self, port):
        self.asked = []
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.asked.append(head.split(b" ")[1].decode())
        server = socket.create_connection(("127.0.0.1", self._to))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


class OverTheWire(harness.Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.certificates = pathlib.Path(directory.name)
        cls.certificate("right", f"DNS:localhost,DNS:{NAME}")
        cls.certificate("wrong", "DNS:elsewhere.example")

    @classmethod
    def certificate(cls, name, names):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
             f"subjectAltName={names}", "-keyout", cls.certificates / f"{name}.key", "-out", cls.certificates / f"{name}.pem"],
            check=True, capture_output=True)

    def served(self, name="right"):
        """An application whose vectors are behind HTTPS; the index itself, and the front."""
        app = self.loaded()
        server = app.start("pinecone-local", "--port", "0", "--dir", app.dir / "vectors", "--api-key", KEY)
        self.addCleanup(lambda: (server.terminate(), server.communicate()))
        upstream = server.stdout.readline().split()[1]
        front = Front(upstream, self.certificates / f"{name}.pem", self.certificates / f"{name}.key")
        self.addCleanup(front.close)
        app.env |= {"PINECONE_INDEX": f"https://localhost:{front.port}", "PINECONE_API_KEY": KEY,
                    "SSL_CERT_FILE": str(self.certificates / f"{name}.pem")}
        return app, front, upstream

    def test_a_migration_over_http_2(self):
        app, front, _ = self.served()
        check = app.json("check")
        self.assertIn("index writes", [finding["check"] for finding in check["findings"]], check)
        app.run("run", "--yes")
        app.run("verify", "--check", "vectors", "--check", "retrieval")
        self.assertEqual(set(front.served), {"2"})
        self.assertGreater(front.served["2"], 10 * len(front.peers))  # connections are kept

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        app, front, _ = self.served()
        del app.env["SSL_CERT_FILE"]
        answer = app.run("check", expect=UNREACHABLE)
        self.assertIn("TLS", answer.text)
        self.assertFalse(front.served)

    def test_a_certificate_of_another_host_is_refused(self):
        app, front, _ = self.served("wrong")
        answer = app.run("check", expect=UNREACHABLE)
        self.assertIn("TLS", answer.text)
        self.assertFalse(front.served)

    def test_a_proxy_leads_there(self):
        app, front, _ = self.served()
        tunnel = Tunnel(front.port)
        self.addCleanup(tunnel.close)
        app.env |= {"PINECONE_INDEX": f"https://{NAME}", "https_proxy": f"http://127.0.0.1:{tunnel.port}"}
        app.run("check")
        self.assertEqual(set(tunnel.asked), {f"{NAME}:443"})
        self.assertTrue(front.served)

    def test_an_index_by_its_name(self):
        app, _, upstream = self.served()
        name = "named"
        app.env |= {"PINECONE_INDEX": f"pinecone:{name}", "PINECONE_CONTROLLER_HOST": upstream}
        missing = app.run("check", expect=(harness.REFUSED, UNREACHABLE))
        self.assertIn("create the index", missing.text)
        address = urllib.parse.urlsplit(upstream)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        connection.request("POST", "/indexes", (
            '{"name":"%s","schema":{"fields":{"_values":{"type":"dense_vector","dimension":384,"metric":"cosine"}}}}' % name),
            {"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-07", "Content-Type": "application/json"})
        self.assertEqual(connection.getresponse().status, 201)
        app.run("check")

    def test_a_wrong_key_is_said_with_what_to_do(self):
        app, _, _ = self.served()
        app.env["PINECONE_API_KEY"] = "another"
        answer = app.run("check", expect=UNREACHABLE)
        self.assertIn("console.pinecone.io", answer.text)


if __name__ == "__main__":
    unittest.main()
