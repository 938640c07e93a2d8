"""What a hostile hand, document, name or request can do: nothing. (Secrets: secrets_test.py; TLS: tests/peers.)"""
import json
import os
import pathlib
import stat
import urllib.error
import urllib.request

import harness
from harness import CHECK_FAILED, tearDownModule  # noqa: F401
from small_application import DIMENSION, Case, VectorServer

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202eevil\u202c \r\n fake: line"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e")


class Files(Case):
    def test_what_rehome_writes_only_its_user_can_read(self):
        old = os.umask(0)  # nobody else's mask helps
        self.addCleanup(os.umask, old)
        app = self.small(count=12, log={"file": "rehome.jsonl"})
        given = {path for path in app.root.rglob("*")} - {app.dir / "app.db", app.dir / "vectors"}
        app.migrate()
        app.run("verify", "--report", "report.json")
        app.change("job_items", "job 5", title="changed")
        app.run("revert", "--yes")
        app.run("rollback", "--all", "--yes")
        app.run("backup", "create")
        made = {path for path in app.root.rglob("*") if path.is_file()} - given
        self.assertGreater(len(made), 10)
        for path in sorted(made):
            mode = stat.S_IMODE(path.lstat().st_mode)
            self.assertEqual(mode & 0o077, 0, f"{path}: {mode:o}")

    def test_links_in_the_backup_directory_lead_nowhere(self):
        app = self.small(count=3)
        victim = app.dir / "victim"
        (victim / "documents").mkdir(parents=True)
        (victim / "keep.txt").write_text("mine")
        backups = app.dir / "backups"
        backups.mkdir(mode=0o700)
        (backups / "20200101T000000Z").symlink_to(victim)
        (backups / ".20990101T000000Z.rehome-tmp").symlink_to(victim)
        before = harness.digests(victim)
        app.run("backup", "create")
        listing = app.json("backup", "list")
        self.assertEqual(len(listing["backups"]), 1)
        self.assertEqual(listing["unfinished"], [])
        app.run("backup", "verify")
        self.assertEqual(harness.digests(victim), before)

    def test_a_backup_that_is_linked_into_is_not_restored(self):
        app = self.small(count=3)
        app.run("backup", "create")
        backup = pathlib.Path(app.dir, app.json("backup", "list")["backups"][0])
        os.link(backup / "documents/jobs.json", app.dir / "second name")
        report = app.json("backup", "verify", expect=CHECK_FAILED)
        self.assertEqual([(one["file"], one["kind"]) for one in report["problems"]], [("documents/jobs.json", "not_regular")])
        app.run("backup", "restore", "--yes", expect=CHECK_FAILED)

    def test_names_that_are_paths_stay_inside_the_backup(self):
        names = ["../../escape", "..", "a/b", "sü ß", "x" * 200]
        app = self.small(count=3)
        app.contents["backup"]["collections"] += [name for name in names if name]
        app.write_plan()
        around = {path for path in app.root.rglob("*")}
        answer = app.run("backup", "create", expect=None)
        outside = {path for path in app.root.rglob("*")} - around
        self.assertTrue(all(app.dir / "backups" in (path, *path.parents) or path.name.startswith("app.db") for path in outside), outside)
        if answer.exit == 0:
            app.run("backup", "verify")


class Words(Case):
    def test_control_characters_in_data_reach_no_terminal(self):
        app = self.small(loaded=False, count=6)
        documents = [{"_id": f"job {HOSTILE}", "client": HOSTILE, "title": HOSTILE, "topics": [HOSTILE]},
                     {"_id": f"broken {HOSTILE}", "client": 7, "title": 7, HOSTILE: HOSTILE}]
        app.contents["items"]["quarantine_max"] = 5
        app.write_plan()
        answers = [app.load(documents=documents), app.run("plan"), app.migrate("--through", "3")]
        ascii_only = HOSTILE.encode("ascii", "ignore").decode()  # as the index demands of ids
        with app.index() as index:
            index.upsert("jobs_acme", [{"id": f"orphan {ascii_only}", "values": [0.5] * DIMENSION, "metadata": {"client": HOSTILE}}])
            index.upsert(f"jobs_{ascii_only}", [{"id": "elsewhere", "values": [0.5] * DIMENSION}])
        answers += [app.run(*verb, expect=None) for verb in (
            ["verify"], ["status"], ["check"], ["quarantine", "list"], ["quarantine", "show"], ["repair", "--yes"], ["explain", f"job {HOSTILE}"],
            ["cutover", "--yes"], ["explain", HOSTILE], ["verify", "--check", HOSTILE], ["backup", "verify", "--dir", HOSTILE], [HOSTILE])]
        for answer in answers:
            for character in FORBIDDEN:
                self.assertNotIn(character, answer.text, str(answer.args)[:40])

    def test_hooks_know_no_shell(self):
        app = self.small(count=3)
        marker = app.dir / "owned"
        app.contents["cutover"]["hooks"] = {"before": [["echo", f"; touch {marker}", f"$(touch {marker})", f"`touch {marker}`", f"&& touch {marker}"]]}
        app.write_plan()
        app.migrate()
        self.assertFalse(marker.exists())


class Requests(Case):
    """pinecone-local refuses what is too large or too deep, and lives on."""

    def setUp(self):
        self.server = VectorServer(self.small(loaded=False))
        self.addCleanup(self.server.stop)

    def post(self, body, path="/vectors/upsert"):
        request = urllib.request.Request(self.server.url + path, data=body, headers={"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError):
            return 413  # closed before all of it was taken

    def test_depth_size_and_nonsense(self):
        deep = b'{"namespace":"n","vectors":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        deep_filter = json.dumps({"namespace": "n", "topK": 1, "vector": [0.5] * DIMENSION}).encode()[:-1] + b',"filter":' + b'{"$and":[' * 50_000 + b"]}" * 50_000 + b"}"
        for body, path in ((deep, "/vectors/upsert"), (deep_filter, "/query"), (b"\xff\xfe", "/query"), (b"", "/query"),
                           (b'{"vectors":' + b" " * (8 << 20) + b"[]}", "/vectors/upsert"), (b'{"namespace":"' + b"n" * 100_000 + b'"}', "/vectors/delete")):
            self.assertIn(self.post(body, path), (400, 404, 413, 422), path)
        self.assertEqual(self.post(json.dumps({"namespace": "n", "vectors": [{"id": "a", "values": [0.5] * DIMENSION}]}).encode()), 200)


if __name__ == "__main__":
    harness.main()
