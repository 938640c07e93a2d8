"""A MongoDB server whose answers a test writes, spoken by mockupdb; what the test does not answer is passed on to a real one."""
import contextlib
import socket
import socketserver
import ssl
import threading

import bson
import mockupdb
import pymongo

# Not given as an answer but done: the connection breaks off, before the command reached anybody or after it.
HANG_UP = object()

# What a driver adds to each command for a server that has sessions; mongo-java-server has none.
_SESSION = {"$db", "lsid", "txnNumber", "$clusterTime", "$readPreference", "autocommit", "startTransaction"}
_CODEC = bson.codec_options.CodecOptions(datetime_conversion=bson.codec_options.DatetimeConversion.DATETIME_AUTO)


class ScriptedServer:
    """`upstream`: the port of the server that answers the rest; without one the rest is refused as an unknown command.
    `tls`: an ssl.SSLContext for a server that speaks nothing else. Answers are found by the command's name, the newest
    first: a document, HANG_UP, or a function of (request, forward) that gives one of these, or None to pass. `forward()`
    is the real server's answer. A function is called on a connection's thread."""

    def __init__(self, upstream=None, tls=None):
        self.answers = []
        self.seen = []  # names of the commands that came
        self._tls = tls
        self._upstream = pymongo.MongoClient("127.0.0.1", upstream, directConnection=True, retryWrites=False,
                                             retryReads=False) if upstream else None
        outer = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self):
                # A conversation ends when its client goes away, or the server behind this one.
                with contextlib.suppress(OSError, ssl.SSLError, pymongo.errors.InvalidOperation):
                    outer._converse(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._listener = Listener(("127.0.0.1", 0), Connection)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._listener.shutdown()
        self._listener.server_close()
        if self._upstream:
            self._upstream.close()

    def on(self, command, answer):
        self.answers.append((command, answer))
        return self

    @contextlib.contextmanager
    def answering(self, command, answer):
        """The same for a while."""
        self.on(command, answer)
        try:
            yield self
        finally:
            self.answers.remove((command, answer))

    def _converse(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        while True:
            request = mockupdb.mock_server_receive_request(connection, None)
            self.seen.append(request.command_name)
            answer = self._answer(request)
            if answer is HANG_UP:
                return
            request.replies(answer)

    def _answer(self, request):
        for command, answer in reversed(self.answers):
            if command.lower() != request.command_name.lower():
                continue
            given = answer(request, lambda: self._forward(request)) if callable(answer) else answer
            if given is not None:
                return dict(given) if given is not HANG_UP else given
        return self._forward(request)

    @property
    def client(self):
        """Of the real server."""
        return self._upstream

    def database(self, request):
        """The real server's, for looking around in."""
        return self._upstream[request.doc.get("$db", request.namespace)]

    def _forward(self, request):
        if not self._upstream:
            return failure(59, "CommandNotFound", f"no such command: '{request.command_name}'")
        command = {name: value for name, value in request.doc.items() if name not in _SESSION}
        return self.database(request).command(command, check=False, codec_options=_CODEC)


def failure(code, name, message, **more):
    """A server's answer to a command that failed."""
    return {"ok": 0, "code": code, "codeName": name, "errmsg": message, **more}


def once(answer, after=0, when=lambda request: True):
    """Gives `answer` one time, to the first request that `when` holds for, `after` others of them."""
    left = [after]
    lock = threading.Lock()

    def give(request, forward):
        if not when(request):
            return None
        with lock:
            left[0] -= 1
            mine = left[0] == -1
        if not mine:
            return None
        return answer(request, forward) if callable(answer) else answer

    return give
