"""What a person meets who mistyped an address or lacks a right, and what servers answer on bad days: each a sentence with the
next step and the right exit code, no secret in any of them; and what passes by itself is waited for."""
import contextlib
import itertools
import pathlib
import ssl
import subprocess
import tempfile

import harness
from harness import INTERRUPTED, REFUSED, UNREACHABLE, USAGE, tearDownModule  # noqa: F401
from mongodb_application import Case, shared_server
from scripted_server import HANG_UP, ScriptedServer, failure, once
from toxiproxy import free_port

SECRET = "pa55w0rd/of%the person"
QUOTED = "pa55w0rd%2Fof%25the%20person"
RUN = ("run", "--online", "--yes")


def unauthorized(request, _=None):
    """A real server's words: they show the command."""
    name, collection = next(iter(request.doc.items()))
    return failure(13, "Unauthorized", f'not authorized on {request.doc["$db"]} to execute command {{ {name}: "{collection}", '
                                       f'$db: "{request.doc["$db"]}" {"pipeline: [ { $changeStream: {} } ]" if is_stream(request) else ""} }}')


def is_stream(request):
    return any("$changeStream" in stage for stage in request.doc.get("pipeline", []))


class Errors(Case):
    def setUp(self):
        self.between = ScriptedServer(shared_server().port)
        self.addCleanup(self.between.close)

    def application(self, count=12):
        return self.small(count=count, door=self.between.port)

    def at(self, uri):
        """One whose plan names that address; nothing is loaded."""
        app = self.small(loaded=False)
        app.env["MONGODB_URI"] = uri
        return app

    def assert_says(self, app, exit_code, *words, verb=RUN):
        """The verb ends so, with a sentence, a next step and `words`; the secret is nowhere."""
        answer = app.run(*verb, expect=exit_code)
        self.assert_error(answer, *words)
        self.assert_no_secret(app, answer)
        return answer

    def assert_no_secret(self, app, answer):
        written = "".join(path.read_text(errors="replace") for path in app.root.rglob("*") if path.is_file())
        for secret in (SECRET, QUOTED):
            self.assertNotIn(secret, answer.text)
            self.assertNotIn(secret, written)

    def with_password(self, port, **options):
        query = "".join(f"&{name}={value}" for name, value in options.items())
        return f"mongodb://anna:{QUOTED}@127.0.0.1:{port}/app?authSource=admin{query}"


class Addresses(Errors):
    def test_a_wrong_password(self):
        self.between.on("saslStart", failure(18, "AuthenticationFailed", "Authentication failed."))
        app = self.at(self.with_password(self.between.port))
        self.assert_says(app, UNREACHABLE, "authSource", "password")
        answer = app.run("check", expect=UNREACHABLE)
        self.assertIn("authSource", answer.text)
        self.assert_no_secret(app, answer)

    def test_a_server_that_wants_a_user_where_the_address_names_none(self):
        def refuse(request, _):
            return failure(13, "Unauthorized", f"Command {request.command_name} requires authentication")

        for name in ("find", "aggregate", "insert", "update", "listCollections", "listIndexes", "collMod", "serverStatus", "listDatabases"):
            self.between.on(name, refuse)
        app = self.at(f"mongodb://127.0.0.1:{self.between.port}/app")
        self.assert_says(app, UNREACHABLE, "requires authentication", "USER:PASSWORD@")
        self.assertIn("USER:PASSWORD@", app.run("check", expect=UNREACHABLE).text)

    def test_a_host_that_nobody_is_at(self):
        port = free_port()
        for uri in (self.with_password(port), f"mongodb://127.0.0.1:{port}/app"):
            app = self.at(uri)
            self.assert_says(app, UNREACHABLE, f"127.0.0.1:{port}")
            answer = app.run("check", expect=UNREACHABLE)
            self.assertIn(f"127.0.0.1:{port}", answer.text)
            self.assert_no_secret(app, answer)

    def test_a_host_that_has_no_address(self):
        app = self.at(f"mongodb://anna:{QUOTED}@no-such-host.invalid/app")
        self.assert_says(app, UNREACHABLE, "no-such-host.invalid", "host name")

    def test_a_service_that_no_name_server_knows(self):
        app = self.at(f"mongodb+srv://anna:{QUOTED}@cluster.no-such-host.invalid/app")
        self.assert_says(app, UNREACHABLE, "cluster.no-such-host.invalid", "host name")
        self.assertIn("host name", app.run("check", expect=UNREACHABLE).text)

    def test_tls_where_the_server_has_none(self):
        app = self.at(self.with_password(shared_server().port, tls="true"))
        self.assert_says(app, UNREACHABLE, "tls")

    def test_no_tls_where_the_server_wants_it(self):
        with certificate() as context, ScriptedServer(tls=context) as server:
            self.assert_says(self.at(self.with_password(server.port)), UNREACHABLE, "tls=true")

    def test_a_certificate_that_nobody_vouches_for(self):
        with certificate() as context, ScriptedServer(tls=context) as server:
            self.assert_says(self.at(self.with_password(server.port, tls="true")), UNREACHABLE, "tlsCAFile")

    def test_an_address_without_a_database(self):
        for options in ("", "/", "/?retryWrites=true"):
            app = self.at(f"mongodb://anna:{QUOTED}@127.0.0.1:{shared_server().port}{options}")
            answer = app.run(*RUN, expect=USAGE)
            self.assertIn("names no database: write mongodb://HOST/DATABASE", answer.err)
            self.assert_no_secret(app, answer)

    def test_an_address_that_is_none(self):
        for uri in (f"mongodb://anna:{QUOTED}@:abc/app", f"mongodb://anna:{QUOTED}@127.0.0.1/app?tls=perhaps", f"mongodb://anna:{SECRET}@host/app"):
            with self.subTest(uri=uri):
                app = self.at(uri)
                answer = app.run(*RUN, expect=(USAGE, UNREACHABLE))
                self.assert_error(answer)
                self.assert_no_secret(app, answer)

    def test_a_database_that_holds_nothing(self):
        app = self.at(f"mongodb://127.0.0.1:{shared_server().port}/nobody_wrote_here")
        self.assert_says(app, REFUSED, "jobs")

    def test_a_secondary_that_cannot_be_written_to(self):
        self.become_secondary()
        app = self.at(f"mongodb://127.0.0.1:{self.between.port}/app")
        self.assert_says(app, UNREACHABLE, "primary")
        self.assertIn("primary", app.run("check", expect=UNREACHABLE).text)

    def become_secondary(self):
        me = f"127.0.0.1:{self.between.port}"

        def greet(_, forward):
            return {**forward(), "ismaster": False, "secondary": True, "setName": "rs0", "setVersion": 1, "me": me, "hosts": [me]}

        self.between.on("isMaster", greet).on("hello", greet)


class Rights(Errors):
    """One command is refused to the user, all others are allowed."""

    def refused(self, command, word, when=lambda request: True):
        app = self.application()
        with self.between.answering(command, lambda request, _: unauthorized(request) if when(request) else None):
            self.assert_says(app, UNREACHABLE, "grant", word)
        app.run(*RUN)
        app.verify()

    def test_reading(self):
        self.refused("find", "`find`", lambda request: request.doc["find"] == "jobs")

    def test_watching(self):
        self.refused("aggregate", "`changeStream`", is_stream)

    def test_inserting_items(self):
        self.refused("insert", "`insert`", lambda request: request.doc["insert"] == "job_items")

    def test_changing_items(self):
        self.refused("update", "`update`", lambda request: request.doc["update"] == "job_items")

    def test_indexing(self):
        self.refused("createIndexes", "`createIndex`")

    def test_the_journal(self):
        for command in ("insert", "update"):
            with self.subTest(command=command):
                self.refused(command, f"`{command}`", lambda request: request.doc[command].startswith("rehome_"))


class BadDays(Errors):
    """Each answer comes once, or as long as the server is in that state."""

    def passing(self, command, answer, when, after=0):
        """What a run waits for itself. The application after it."""
        app = self.application(count=60)
        self.between.on(command, once(answer, after, when))
        app.run(*RUN)
        self.assertEqual(len(app.documents("job_items")), 60)
        app.verify()

    def lasting(self, command, answer, when, exit_code, *words):
        """What ends a run, which goes on when it is over."""
        app = self.application(count=60)
        with self.between.answering(command, lambda request, forward: (answer(request, forward) if callable(answer) else answer) if when(request) else None):
            self.assert_says(app, exit_code, *words)
        app.run(*RUN)
        self.assertEqual(len(app.documents("job_items")), 60)
        app.verify()

    @staticmethod
    def of_items(command):
        return lambda request: request.doc[command] == "job_items"

    NOT_PRIMARY = failure(10107, "NotWritablePrimary", "not primary", errorLabels=["RetryableWriteError"])
    STEPPED_DOWN = failure(189, "PrimarySteppedDown", "Primary stepped down while waiting for replication", errorLabels=["RetryableWriteError"])
    NO_DISK = failure(14031, "OutOfDiskSpace", "available disk space of 1 bytes is less than required minimum of 524288000")

    @staticmethod
    def unconfirmed(_, forward):
        return {**forward(), "writeConcernError": {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out",
                                                   "errInfo": {"wtimeout": True}}}

    def test_a_primary_that_steps_down(self):
        for answer in (self.NOT_PRIMARY, self.STEPPED_DOWN):
            for command in ("insert", "update"):
                with self.subTest(answer=answer["codeName"], command=command):
                    self.passing(command, answer, self.of_items(command))

    def test_a_primary_that_steps_down_after_the_write(self):
        def written_but_unsaid(_, forward):
            forward()
            return self.STEPPED_DOWN

        for command in ("insert", "update"):
            with self.subTest(command=command):
                self.passing(command, written_but_unsaid, self.of_items(command))

    def test_a_replica_set_without_a_primary(self):
        self.lasting("insert", self.NOT_PRIMARY, self.of_items("insert"), (UNREACHABLE, INTERRUPTED), "primary")

    def test_connections_that_close_before_and_after_the_command(self):
        def after(_, forward):
            forward()
            return HANG_UP

        commands = {"insert": self.of_items("insert"), "update": self.of_items("update"), "find": lambda request: request.doc["find"] == "jobs",
                    "aggregate": is_stream, "getMore": lambda request: True}
        for (command, when), answer in itertools.product(commands.items(), (HANG_UP, after)):
            with self.subTest(command=command, after=answer is after):
                self.passing(command, answer, when)

    def test_a_full_disk(self):
        self.lasting("insert", self.NO_DISK, self.of_items("insert"), INTERRUPTED, "free space")

    def test_a_disk_that_is_full_for_one_document(self):
        def half(request, forward):
            return {"ok": 1, "n": 0, "writeErrors": [{"index": 0, "code": 14031, "errmsg": self.NO_DISK["errmsg"]}]}

        self.lasting("insert", half, self.of_items("insert"), INTERRUPTED, "free space")

    def test_a_majority_that_does_not_confirm_once(self):
        for command in ("insert", "update"):
            with self.subTest(command=command):
                self.passing(command, self.unconfirmed, self.of_items(command))

    def test_a_majority_that_never_confirms(self):
        self.lasting("insert", self.unconfirmed, self.of_items("insert"), INTERRUPTED, "majority")

    def test_a_cursor_that_the_server_forgot(self):
        forgotten = failure(43, "CursorNotFound", "cursor id 7 not found")
        self.passing("getMore", forgotten, lambda request: True)

    def test_a_server_that_answers_with_words_nobody_knows(self):
        self.lasting("insert", failure(999_999, "Unheard", "something nobody has seen"), self.of_items("insert"), REFUSED, "999999")


@contextlib.contextmanager
def certificate():
    """Of a server that vouches for itself alone."""
    with tempfile.TemporaryDirectory() as directory:
        key, chain = pathlib.Path(directory, "key.pem"), pathlib.Path(directory, "chain.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        yield context


if __name__ == "__main__":
    harness.main()
