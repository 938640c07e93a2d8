"""Secrets come from the environment or a file, and stand in no output, no log, no journal, no error and no backup."""
import http.server
import threading

import harness
from harness import REFUSED, UNREACHABLE, USAGE, tearDownModule  # noqa: F401
from small_application import Case, VectorServer

KEY = "pc-7f3QSECRETKEYq9x"
PASSWORD = "p4ssSECRETw0rd"
EMBEDDER_KEY = "sk-SECRETEMBEDDERzz"
SECRETS = (KEY, PASSWORD, EMBEDDER_KEY)


class Refusing(http.server.BaseHTTPRequestHandler):
    """An embedder that says back what it was sent, as some services do."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f'{{"error": {{"message": "Incorrect API key provided: {self.headers.get("Authorization")}"}}}}'.encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Secrets(Case):
    def keyed(self):
        """Vectors behind a key, a log file, and an application that was moved, verified, reverted and rolled back."""
        app = self.small(loaded=False, count=20, log={"file": "rehome.jsonl"})
        app.env["INDEX_KEY"] = KEY
        server = VectorServer(app, options=("--api-key", KEY))
        self.addCleanup(server.stop)
        app.contents["vectors"] = {"address": server.url, "api_key": "${INDEX_KEY}"}
        app.write_plan()
        return app

    def assert_hidden(self, app, *answers):
        for answer in answers:
            for secret in SECRETS:
                self.assertNotIn(secret, answer.text, str(answer.args))
        for path in sorted(app.root.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                for secret in SECRETS:
                    self.assertNotIn(secret.encode(), content, str(path))

    def test_a_key_from_the_environment_is_nowhere_after_everything_was_done_with_it(self):
        app = self.keyed()
        answers = [app.load(), *(app.run(*verb, expect=None) for verb in (
            ["check"], ["plan"], ["plan", "--json"], ["run", "--yes"], ["status"], ["status", "--json"], ["verify", "--json"],
            ["explain", "job_n~2"], ["backup", "create"], ["backup", "verify"], ["backup", "list"], ["revert", "--yes"],
            ["rollback", "--all", "--yes"], ["run", "--yes", "--set", "nothing.such=1"], ["quarantine", "list"]))]
        self.assertEqual(answers[0].exit, 0)
        self.assert_hidden(app, *answers)

    def test_a_wrong_key_is_refused_without_being_said(self):
        app = self.keyed()
        app.load()
        app.env["INDEX_KEY"] = PASSWORD
        answer = app.migrate(expect=UNREACHABLE)
        self.assert_error(answer)
        self.assert_hidden(app, answer, app.run("status", expect=None))

    def test_a_password_in_a_uri_is_never_said(self):
        for uri in (f"mongodb://ann:{PASSWORD}@127.0.0.1:1/db", f"mongodb://127.0.0.1:1/db?tlsCertificateKeyFilePassword={PASSWORD}",
                    f"mongodb+srv://ann:{PASSWORD}@nowhere.invalid/db?authSource=admin"):
            with self.subTest(uri=uri.split(":")[0]):
                app = self.small(loaded=False)
                app.env["DOCUMENTS"] = uri
                app.contents["documents"] = "${DOCUMENTS}"
                app.write_plan()
                answers = [app.run(*verb, expect=None) for verb in (["check"], ["run", "--yes"], ["status"], ["plan", "--json"])]
                self.assertNotIn(0, [answer.exit for answer in answers])
                self.assert_hidden(app, *answers)

    def test_a_secret_that_stands_in_the_plan_is_refused_and_not_repeated(self):
        app = self.small(loaded=False)
        app.contents["vectors"] = {"address": "local:vectors", "api_key": KEY}
        app.write_plan()
        answer = app.run("plan", expect=(USAGE, REFUSED))
        self.assertNotIn(KEY, answer.text)

    def test_a_secret_from_a_file(self):
        app = self.keyed()
        outside = app.root.parent / f"{app.root.name}.key"
        outside.write_text(KEY + "\n")
        self.addCleanup(outside.unlink)
        app.contents["vectors"]["api_key"] = {"file": str(outside)}
        app.write_plan()
        self.assert_hidden(app, app.load(), app.migrate())

    def test_an_embedder_that_repeats_the_key_in_its_error(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        app = self.small(count=20, log={"file": "rehome.jsonl"})
        app.env["EMBEDDER_KEY"] = EMBEDDER_KEY
        app.contents["index"]["embedder"].update(provider="openai", model="m", url=f"http://127.0.0.1:{server.server_port}/v1",
                                                 api_key="${EMBEDDER_KEY}")
        app.write_plan()
        answer = app.migrate(expect=UNREACHABLE)
        self.assert_error(answer)
        self.assert_hidden(app, answer, app.run("status", "--json", expect=None))

    def test_another_environment_variable_is_not_written_anywhere(self):
        app = self.small(count=20)
        app.env["DATABASE_PASSWORD"] = PASSWORD
        self.assert_hidden(app, app.migrate(), app.run("status", "--json"))


if __name__ == "__main__":
    harness.main()
