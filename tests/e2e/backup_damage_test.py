"""A backup that was damaged is found and named, nothing is restored from it; a whole one gives everything back."""
import json
import pathlib
import shutil

import bson

import harness
from harness import CHECK_FAILED, DONE, REFUSED, USAGE, tearDownModule  # noqa: F401
from small_application import DIMENSION, Case, jobs

JOBS, LETTERS, VECTORS = "documents/jobs.json", "documents/letters.json", "vectors/vectors_letters.jsonl"


def flipped(path, share=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 0x10
    path.write_bytes(content)


def truncated(path, count=1):
    path.write_bytes(path.read_bytes()[:-count])


def swapped(one, other):
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def edited(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# What is done to a backup, and the file that must be named.
DAMAGES = {
    "a flipped bit in a document": (lambda b: flipped(b / JOBS), JOBS),
    "a flipped bit in the first byte": (lambda b: flipped(b / JOBS, 0), JOBS),
    "a flipped bit in a vector": (lambda b: flipped(b / VECTORS), VECTORS),
    "the last byte gone": (lambda b: truncated(b / JOBS), JOBS),
    "half a file gone": (lambda b: truncated(b / VECTORS, (b / VECTORS).stat().st_size // 2), VECTORS),
    "an emptied file": (lambda b: (b / LETTERS).write_bytes(b""), LETTERS),
    "two files swapped": (lambda b: swapped(b / JOBS, b / LETTERS), JOBS),
    "a missing file": (lambda b: (b / VECTORS).unlink(), VECTORS),
    "an extra file": (lambda b: (b / "documents/more.json").write_text("{}\n"), "documents/more.json"),
    "an extra file beside the manifest": (lambda b: (b / "note.txt").write_text("hello"), "note.txt"),
    "a line appended": (lambda b: (b / JOBS).write_text((b / JOBS).read_text() + '{"_id":"extra"}\n'), JOBS),
    "two lines exchanged": (lambda b: (b / JOBS).write_text("".join(reversed((b / JOBS).read_text().splitlines(True)))), JOBS),
    "a file that became a link": (lambda b: (b / JOBS).symlink_to((b / JOBS).rename(b.parent / "moved")), JOBS),
    "an edited manifest": (lambda b: edited(b / "manifest.json", created_by="somebody"), "manifest.json"),
    "a manifest with one more blank": (lambda b: (b / "manifest.json").write_text((b / "manifest.json").read_text() + " "), "manifest.json"),
    "a flipped bit in the manifest": (lambda b: flipped(b / "manifest.json"), "manifest.json"),
    "a missing manifest": (lambda b: (b / "manifest.json").unlink(), "manifest.json"),
}


class Damage(Case):
    def backup_of(self, app):
        return pathlib.Path(app.dir, app.json("backup", "list")["backups"][-1])

    def damaged(self, what):
        self.migrated.rewind()
        backup = self.backup_of(self.migrated)
        DAMAGES[what][0](backup)
        return self.migrated, backup

    def setUp(self):
        self.migrated = self.small(count=40)
        self.migrated.migrate("--through", "3")
        self.migrated.keep()

    def test_every_damage_is_found_and_named(self):
        for what, (_, file) in DAMAGES.items():
            with self.subTest(what):
                app, backup = self.damaged(what)
                answer = app.run("backup", "verify", "--dir", backup, "--json", expect=(CHECK_FAILED, USAGE))
                self.assertIn(file, answer.text)
                if answer.exit == CHECK_FAILED:
                    self.assertIn(file, {problem["file"] for problem in answer.json["problems"]})
                    self.assertFalse(answer.json["passed"])

    def test_verify_finds_it_too_and_cutover_waits(self):
        for what, (_, file) in DAMAGES.items():
            with self.subTest(what):
                app, _ = self.damaged(what)
                report = app.verify("--check", "backup", expect=CHECK_FAILED)
                self.assertEqual([c["check"] for c in report["checks"] if not c["passed"]], ["backup"])
                self.assertIn(file, json.dumps(report))
                app.verify("--phase", "backup", expect=CHECK_FAILED)
        app.migrate(expect=CHECK_FAILED)
        self.assertEqual((app.pointer(), app.is_fenced()), ("letters", False))

    def test_nothing_is_restored_from_it(self):
        for what in DAMAGES:
            with self.subTest(what):
                app, backup = self.damaged(what)
                app.delete("jobs", "job 5")
                before = app.legacy()
                answer = app.run("backup", "restore", "--dir", backup, "--yes", expect=(CHECK_FAILED, USAGE))
                self.assert_error(answer)
                self.assertEqual(app.legacy(), before)

    def test_a_backup_of_a_newer_format_is_refused_in_words(self):
        app, backup = self.migrated, self.backup_of(self.migrated)
        edited(backup / "manifest.json", rehome_backup=99)
        answer = app.run("backup", "verify", "--dir", backup, expect=(CHECK_FAILED, REFUSED))
        self.assertIn("99", answer.text)

    def test_a_whole_backup_of_other_data_is_not_the_runs(self):
        """Whoever puts another backup in its place makes every sum in it agree; the journal's does not."""
        app, backup = self.migrated, self.backup_of(self.migrated)
        app.delete("jobs", "job 5")
        app.run("backup", "create", "--dir", "elsewhere")
        app.put_row("jobs", jobs(5)[4])
        shutil.rmtree(backup)
        next((app.dir / "elsewhere").glob("2*")).rename(backup)
        app.run("backup", "verify", "--dir", backup)
        app.verify("--check", "backup", expect=CHECK_FAILED)


class Restore(Case):
    """absent → insert, equal → skip, different → kept and listed, extra → kept."""

    def backed_up(self):
        app = self.small(count=40)
        app.run("backup", "create")
        return app, app.legacy()

    def test_what_is_gone_comes_back_byte_for_byte(self):
        app, before = self.backed_up()
        for source_id in ("job 1", "job 5", 2, bson.ObjectId(f"{4:024x}")):
            app.delete("jobs", source_id)
        with app.index() as index:
            index.delete("letters", ["v1", "v2"])
        app.run("backup", "restore", "--yes")
        self.assertEqual(app.legacy(), before)

    def test_everything_comes_back_into_empty_stores(self):
        app, before = self.backed_up()
        (app.dir / "app.db").unlink()
        for extra in app.dir.glob("app.db-*"):
            extra.unlink()
        shutil.rmtree(app.dir / "vectors")
        app.run("backup", "restore", "--yes")
        self.assertEqual(app.legacy(), before)

    def test_restoring_what_stands_changes_nothing(self):
        app, before = self.backed_up()
        app.run("backup", "restore", "--yes")
        self.assertEqual(app.legacy(), before)

    def changed(self, app):
        app.change("jobs", "job 5", title="mended since")
        app.put_row("jobs", {"_id": "newer", "title": "later"})
        with app.index() as index:
            index.upsert("letters", [{"id": "v1", "values": [0.5] * DIMENSION}, {"id": "newer", "values": [0.25] * DIMENSION}])

    def test_what_differs_or_is_extra_is_kept_and_listed(self):
        app, _ = self.backed_up()
        self.changed(app)
        now = app.legacy()
        answer = app.run("backup", "restore", "--yes", expect=CHECK_FAILED)
        self.assertEqual(app.legacy(), now)
        self.assertIn("job 5", answer.text)
        self.assertIn("v1", answer.text)

    def test_overwrite_saves_what_differs_first(self):
        app, before = self.backed_up()
        self.changed(app)
        answer = app.run("backup", "restore", "--overwrite", "--yes", "--json")
        saved = (app.dir / answer.json["saved"]).read_text()
        self.assertIn("mended since", saved)
        self.assertEqual({d["_id"] for d in app.documents("jobs")} - {d["_id"] for d in jobs(40)}, {"newer"})
        self.assertEqual(app.document("jobs", "job 5"), jobs(40)[4])
        self.assertEqual(app.vectors("letters")["v1"], before["letters (vectors)"]["v1"])

    def test_exact_gives_what_the_backup_holds_and_saves_the_rest(self):
        app, before = self.backed_up()
        self.changed(app)
        answer = app.run("backup", "restore", "--overwrite", "--exact", "--yes", "--json")
        self.assertEqual(app.legacy(), before)
        saved = (app.dir / answer.json["saved"]).read_text()
        for word in ("mended since", "newer"):
            self.assertIn(word, saved)

    def test_one_collection_alone_and_into_another_store(self):
        app, before = self.backed_up()
        app.run("backup", "restore", "--collections", "letters", "--into", "sqlite:other.db", "--yes")
        self.assertEqual(app.raw("letters", file="other.db"), before["letters"])
        self.assertEqual(app.raw("jobs", file="other.db"), [])
        self.assertEqual(app.legacy(), before)
        app.run("backup", "restore", "--collections", "nobody", "--yes", expect=USAGE)

    def test_the_journal_is_left_alone(self):
        app, _ = self.backed_up()
        app.migrate()
        journal = app.raw("rehome_runs")
        app.run("backup", "restore", "--yes", expect=(DONE, CHECK_FAILED, REFUSED))
        self.assertEqual(app.raw("rehome_runs"), journal)

    def test_equal_data_gives_equal_files(self):
        app, _ = self.backed_up()
        app.run("backup", "create")
        one, other = (pathlib.Path(app.dir, path) for path in app.json("backup", "list")["backups"])
        for file in (JOBS, LETTERS, VECTORS):
            self.assertEqual((one / file).read_bytes(), (other / file).read_bytes())


if __name__ == "__main__":
    harness.main()
