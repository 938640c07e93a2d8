"""A full disk and read-only directories: the exit code, the sentence, the resume, and nothing lost.

The disks are tmpfs mounts in a mount namespace of this test's own, which ends with it.
"""
import contextlib
import os
import shutil
import subprocess
import sys

import harness
from harness import CHECK_FAILED, DONE, INTERRUPTED, REFUSED, tearDownModule  # noqa: F401
from small_application import Case

IN_NAMESPACE = "REHOME_TEST_MOUNTS"
DISK_BYTES = 48 << 20
COUNT = 150
LEFT_STEP = 400 << 10  # bytes that each try leaves free more than the one before


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


class OnADisk(Case):
    """The application lies on a file system of its own, `self.disk`."""

    def setUp(self):
        if IN_NAMESPACE not in os.environ:
            harness.skip("mount-namespace")

    def on_disk(self, loaded=True, **make):
        app = self.small(loaded=False, **make)
        mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", app.root)
        self.addCleanup(subprocess.run, ["umount", "--lazy", app.root], check=True)
        for directory in (app.dir, app.root / "home", app.root / "cache"):
            directory.mkdir()
        app.write_files()
        if loaded:
            app.load()
        return app

    @staticmethod
    def free_bytes(app):
        return shutil.disk_usage(app.root).free

    def fill(self, app, left):
        (app.root / "ballast").write_bytes(b"\1" * max(0, self.free_bytes(app) - left))

    @staticmethod
    def make_room(app):
        (app.root / "ballast").unlink()


class FullDisk(OnADisk):
    def test_a_run_stops_resumable_wherever_the_space_ends_and_lands_where_it_should(self):
        app = self.on_disk(count=COUNT)
        before = app.legacy()
        app.migrate()
        expected = app.outcome()
        stopped_in = set()
        for left in range(0, DISK_BYTES, LEFT_STEP):
            app.run("rollback", "--all", "--yes")
            shutil.rmtree(app.dir / "backups", ignore_errors=True)
            shutil.rmtree(app.root / "cache/rehome", ignore_errors=True)
            self.forget_runs(app)
            self.fill(app, left)
            answer = app.migrate(expect=None)
            if answer.exit == DONE:
                break
            with self.subTest(left=left):
                self.assertIn(answer.exit, (INTERRUPTED, REFUSED), str(answer))
                self.assert_error(answer, "space")
                phases = answer.err.count(": done in")
                if answer.exit == REFUSED:  # the preflight saw it coming
                    self.assertEqual(phases, 0, str(answer))
                else:
                    stopped_in.add(phases)
                self.make_room(app)
                app.migrate()
                self.assertEqual(app.outcome(), expected)
                self.assert_untouched(before, app)
            if (app.root / "ballast").exists():
                self.make_room(app)
        else:
            self.fail("the run never had space enough")
        self.assertGreater(len(stopped_in), 0, "the space never ended in the middle")

    @staticmethod
    def forget_runs(app):
        """The next run is a new one, with a backup of its own."""
        with app.sqlite(write=True) as db:
            for table in ("rehome_runs", "rehome_intents", "rehome_ranges"):
                db.execute(f'DELETE FROM "{table}"')
        with app.sqlite(write=True) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def test_a_rollback_on_a_full_disk_stops_resumable(self):
        app = self.on_disk(count=COUNT)
        before = app.legacy()
        app.migrate()
        self.fill(app, 0)
        answer = app.run("rollback", "--all", "--yes", expect=INTERRUPTED)
        self.assert_error(answer, "space")
        self.make_room(app)
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.raw("job_items"), [])
        self.assertEqual(app.new_vectors(), {})
        self.assertEqual(app.pointer(), "letters")
        self.assert_untouched(before, app)

    def test_a_load_that_finds_no_space_goes_on_when_there_is_some(self):
        app = self.on_disk(loaded=False, count=COUNT)
        app.export()
        self.fill(app, 64 << 10)
        answer = app.run("load", "--from", "export", "--yes", expect=INTERRUPTED)
        self.assert_error(answer, "space")
        self.make_room(app)
        app.run("load", "--from", "export", "--yes")
        self.assertEqual(len(app.raw("jobs")), COUNT)
        self.assertEqual(len(app.vectors("letters")), 8)

    def test_a_backup_without_space_leaves_none_that_looks_whole(self):
        app = self.on_disk(count=COUNT)
        self.fill(app, 16 << 10)
        self.assert_error(app.run("backup", "create", expect=INTERRUPTED), "space")
        self.make_room(app)
        self.assertEqual(app.json("backup", "list").get("backups", []), [])
        app.run("backup", "create")
        app.run("backup", "verify")


class ReadOnly(OnADisk):
    @staticmethod
    @contextlib.contextmanager
    def read_only(path):
        mount("--bind", path, path)
        mount("-o", "remount,bind,ro", path)
        try:
            yield
        finally:
            subprocess.run(["umount", path], check=True)

    def test_a_backup_directory_that_cannot_be_written_is_refused_by_name(self):
        app = self.on_disk()
        before = app.legacy()
        (app.dir / "backups").mkdir()
        with self.read_only(app.dir / "backups"):
            self.assert_error(app.migrate(expect=REFUSED), "backups")
        self.assertEqual(app.raw("job_items"), [])
        self.assert_untouched(before, app)

    def test_a_store_directory_that_cannot_be_written_is_refused_by_name(self):
        app = self.on_disk()
        before = app.legacy()
        with app.sqlite(write=True) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with self.read_only(app.dir):
            answer = app.migrate(expect=REFUSED)
        self.assert_error(answer)
        self.assertTrue("app.db" in answer.err or "vectors" in answer.err, str(answer))
        self.assert_untouched(before, app)

    def test_everything_that_only_reads_works_on_read_only_stores(self):
        app = self.on_disk()
        app.migrate()
        with app.sqlite(write=True) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with self.read_only(app.dir):
            self.assertEqual(app.status()["state"], "cut_over")
            app.verify()
            app.run("plan", expect=(DONE, REFUSED))
            app.run("backup", "verify")

    def test_an_env_file_that_cannot_be_written_puts_the_cutover_back(self):
        app = self.on_disk()
        (app.dir / "configuration").mkdir()
        app.env_file = app.env_file.rename(app.dir / "configuration/.env")
        app.contents["cutover"]["env_file"]["path"] = "configuration/.env"
        app.write_plan()
        before = app.env_file.read_bytes()
        with self.read_only(app.dir / "configuration"):
            self.assert_error(app.migrate(expect=REFUSED), ".env")
        self.assertEqual(app.env_file.read_bytes(), before)
        self.assertFalse(app.is_fenced())
        self.assertEqual(app.status()["fence"], None)
        app.migrate()
        self.assertEqual(app.pointer(), "jobs_acme")
        app.verify(expect=(DONE, CHECK_FAILED))


def enter_mount_namespace():
    """This program again, where it may mount; without, where that is not permitted."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--mount", "--propagation", "private"]
    if IN_NAMESPACE not in os.environ and shutil.which("unshare"):
        probe = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
        if probe.returncode == 0:
            os.execvpe(command[0], [*command, sys.executable, *sys.argv], {**os.environ, IN_NAMESPACE: "1"})


if __name__ == "__main__":
    enter_mount_namespace()
    harness.main()
