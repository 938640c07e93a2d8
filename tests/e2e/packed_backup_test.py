"""Backups compressed and encrypted, and backups and restores killed on their way."""
import hashlib
import json
import pathlib
import shutil
import signal
import subprocess
import time

import harness
from harness import CHECK_FAILED, DONE, REFUSED, USAGE, tearDownModule  # noqa: F401
from small_application import Case, jobs

KEY, OTHER_KEY = "a1" * 32, "b2" * 32
KINDS = {"zstd": {"compress": "zstd"}, "encrypted": {"encrypt": {"key": "${BACKUP_KEY}"}},
         "both": {"compress": "zstd", "encrypt": {"key": "${BACKUP_KEY}"}}}
SUFFIX = {"zstd": ".zst", "encrypted": ".enc", "both": ".zst.enc"}


class Packed(Case):
    def packed(self, kind, **make):
        app = self.small(loaded=False, **make)
        app.env["BACKUP_KEY"] = KEY
        app.contents["backup"].update(KINDS[kind])
        app.write_plan()
        app.load()
        return app

    def backup_of(self, app):
        return pathlib.Path(app.dir, app.json("backup", "list")["backups"][-1])

    def test_a_whole_migration_leans_on_one_and_its_undo_restores_it(self):
        for kind, suffix in SUFFIX.items():
            with self.subTest(kind):
                app = self.packed(kind)
                before = app.legacy()
                app.migrate()
                app.verify()
                backup = self.backup_of(app)
                self.assertTrue((backup / f"documents/jobs.json{suffix}").exists())
                app.delete("letters", "letter 1")
                app.run("backup", "restore", "--collections", "letters", "--yes")
                app.run("rollback", "--all", "--yes")
                self.assertEqual(app.legacy(), before)

    def test_retire_removes_by_one_and_its_undo_restores_from_it(self):
        for kind in SUFFIX:
            with self.subTest(kind):
                app = self.packed(kind)
                before = app.legacy()
                app.migrate()
                app.at(25, "retire", "--yes")
                self.assertNotIn("jobs", app.collections())
                self.assertEqual(app.namespaces().get("letters", 0), 0)
                app.at(26, "rollback", "--phase", 5, "--yes")
                self.assertEqual(app.legacy(), before)

    def test_the_key_stands_nowhere_and_no_content_is_readable(self):
        app = self.packed("both")
        app.migrate()
        answers = [app.run("backup", "verify"), app.run("status", "--json"), app.run("verify", "--json")]
        backup = self.backup_of(app)
        for path in app.root.rglob("*"):
            if path.is_file():
                self.assertNotIn(KEY.encode(), path.read_bytes(), str(path))
        for answer in answers:
            self.assertNotIn(KEY, answer.text)
        for path in (backup / "documents").iterdir():
            self.assertNotIn(b"client", path.read_bytes())

    def test_a_wrong_key_is_a_sentence(self):
        app = self.packed("encrypted")
        app.run("backup", "create")
        app.env["BACKUP_KEY"] = OTHER_KEY
        for verb in (["backup", "verify"], ["backup", "restore", "--yes"]):
            answer = app.run(*verb, expect=REFUSED)
            self.assert_error(answer, "not the key of this backup")
            self.assertNotIn(OTHER_KEY, answer.text)
        del app.contents["backup"]["encrypt"]
        app.write_plan()
        self.assert_error(app.run("backup", "verify", expect=REFUSED), "encrypted")

    def test_a_key_that_is_none_is_refused_with_its_place(self):
        app = self.packed("encrypted")
        app.env["BACKUP_KEY"] = "a passphrase of mine"
        answer = app.run("backup", "create", expect=USAGE)
        self.assertIn("64 hexadecimal digits", answer.err)
        self.assertNotIn("a passphrase of mine", answer.text)

    def test_a_key_from_a_file(self):
        app = self.packed("encrypted")
        (app.dir / "backup.key").write_text(KEY + "\n")
        app.contents["backup"]["encrypt"] = {"key": {"file": "backup.key"}}
        app.write_plan()
        app.run("backup", "create")
        app.run("backup", "verify")

    def test_a_compressed_backup_is_read_by_zstd_itself(self):
        if shutil.which("zstd") is None:
            harness.skip("zstd-command")
        app = self.packed("zstd")
        app.run("backup", "create")
        file = self.backup_of(app) / "documents/jobs.json.zst"
        lines = subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout.splitlines()
        self.assertEqual(len(lines), len(app.documents("jobs")))
        self.assertIn("_id", json.loads(lines[0]))

    def test_what_is_damaged_is_found_and_named(self):
        app = self.packed("both")
        app.run("backup", "create")
        file = self.backup_of(app) / "documents/jobs.json.zst.enc"
        good = file.read_bytes()
        for at in (0, 30, len(good) // 2, len(good) - 1):
            file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            report = app.json("backup", "verify", expect=CHECK_FAILED)
            self.assertEqual({one["file"] for one in report["problems"]}, {"documents/jobs.json.zst.enc"})
        file.write_bytes(good[:-1])
        app.run("backup", "verify", expect=CHECK_FAILED)
        app.run("backup", "restore", "--yes", expect=CHECK_FAILED)


def many(count):
    """Documents of 16 KB, so that a backup of them has checkpoints."""
    filler = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(250))
    return [{**job, "internal": {"text": filler}} for job in jobs(count)]


class Killed(Case):
    """kill -9, then the same command again: nothing is missing, nothing that looks finished is not."""

    def large(self, **backup):
        app = self.small(loaded=False, count=1200)
        app.env["BACKUP_KEY"] = KEY
        app.contents["backup"].update(backup)
        app.write_plan()
        app.load(documents=many(1200))
        return app

    def kill_behind_a_checkpoint(self, app, pause):
        """What it said until it was killed, `pause` seconds after it noted how far it came."""
        process = app.start("backup", "create")
        while process.poll() is None and not list((app.dir / "backups").glob(".*.rehome-tmp/progress.json")):
            time.sleep(0.001)  # another process's file is polled
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        return process.communicate()[1]

    def test_a_backup_goes_on_where_it_was_killed(self):
        for name, backup in {"plain": {}, "both": KINDS["both"]}.items():
            with self.subTest(name):
                app = self.large(**backup)
                went_on = 0
                for pause in (0, 0.02, 0.1):
                    answer = self.kill_behind_a_checkpoint(app, pause)
                    went_on += "going on with the backup" in answer
                    for path in app.json("backup", "list")["backups"]:
                        app.run("backup", "verify", "--dir", path)
                answer = app.run("backup", "create")
                went_on += "going on with the backup" in answer.err
                listing = app.json("backup", "list")
                app.run("backup", "verify", "--dir", listing["backups"][-1])
                app.run("backup", "restore", "--dir", listing["backups"][-1], "--collections", "jobs", "--into", "sqlite:copy.db", "--yes")
                self.assertEqual(app.raw("jobs", file="copy.db") == app.raw("jobs"), True)
                self.assertGreater(went_on, 0)

    def test_a_restore_is_repeated(self):
        app = self.large(compress="zstd")
        app.run("backup", "create")
        before = app.legacy()
        (app.dir / "app.db").unlink()
        for extra in app.dir.glob("app.db-*"):
            extra.unlink()
        shutil.rmtree(app.dir / "vectors")
        for tenths in (3, 6, 9):
            app.stop_after(tenths / 10, "backup", "restore", "--yes", by=signal.SIGKILL)
        app.run("backup", "restore", "--yes", expect=DONE)
        self.assertEqual(app.legacy() == before, True)


if __name__ == "__main__":
    harness.main()
