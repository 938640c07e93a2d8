"""Each planted corruption is named exactly: its class, its id, and nothing else. The corruptions: planting.py."""
from bson import json_util

import harness
from harness import CHECK_FAILED, REFUSED, tearDownModule  # noqa: F401
from planting import COUNT, PLANTS, Planted, add_tests
from small_application import sqlite_key


class Sabotage(Planted):
    def test_there_are_at_least_forty_kinds(self):
        self.assertGreaterEqual(len(PLANTS), 40)

    def test_untouched_it_passes_with_no_finding(self):
        for stage in ("migrated", "cutover"):
            self.at_stage(stage)
            report = self.application.verify()
            self.assertEqual([one for check in report["checks"] for one in check["discrepancies"]], [])

    def test_a_quarantine_record_lost_and_the_document_of_one(self):
        app = self.small(count=12)
        app.contents["items"]["quarantine_max"] = 3
        app.write_plan()
        app.change("jobs", "job 5", title=7)
        app.migrate("--through", "3", "--online")
        app.verify()
        for what in ("DELETE FROM rehome_quarantine", "DELETE FROM rehome_quarantine_documents"):
            with self.subTest(what=what):
                with app.sqlite(write=True) as db:
                    db.execute(what)
                report = app.verify(expect=CHECK_FAILED)
                self.assertEqual({(one["id"], one["class"]) for c in report["checks"] for one in c["discrepancies"]},
                                 {(json_util.dumps("job 5"), "missing")})
                app.run("repair", "--yes")
                app.verify()

    def test_what_the_application_changes_after_the_cutover_is_told_and_does_not_fail(self):
        self.at_stage("cutover")
        self.edit_item(lambda d: {**d, "topics": ["new"]})
        checks = self.application.verify(expect=None)["checks"]
        classes = {one["class"] for check in checks for one in check["discrepancies"] if one["id"] == self.identity and check["check"] == "digests"}
        self.assertEqual(classes, {"changed_after_cutover"})

    def test_damage_is_shown_before_what_the_application_changed(self):
        self.at_stage("cutover")
        app = self.application
        spared = {self.victim["_id"], self.other["_id"]}
        app.write("job_items", lambda d: {**d, "title": d["title"] + "!"}, lambda d: d["_id"] not in spared, count=COUNT - 2)
        with app.index() as index:
            record = index.vectors(self.home)[self.identity]
            index.upsert(self.home, [{**record, "metadata": {**record["metadata"], "client": "Of nobody"}}])
        said = app.run("verify", expect=CHECK_FAILED).out
        self.assertIn(f"vectors: differing {self.identity}, field client", said)
        self.assertIn("in all; --json names them", said)

    def test_a_run_whose_record_was_removed_is_not_taken_for_none(self):
        self.at_stage("cutover")
        app = self.application
        with app.sqlite(write=True) as db:
            db.execute("DELETE FROM rehome_runs")
        for verb in (["verify"], ["revert", "--yes"], ["rollback", "--all", "--yes"], ["run", "--yes"], ["status"]):
            self.assert_error(app.run(*verb, expect=REFUSED), "its own record was removed")

    def test_a_key_column_that_does_not_fit_its_document(self):
        """A row moved under another key: the store's own order is broken, and the document is not where its id says."""
        self.at_stage("migrated")
        with self.application.sqlite(write=True) as db:
            key, encoded = sqlite_key("job 998")
            db.execute("UPDATE job_items SET key = ?, id = ? WHERE key = ?", (key, encoded, sqlite_key(self.victim["_id"])[0]))
        self.application.run("verify", expect=CHECK_FAILED)


add_tests(Sabotage, "is_named", lambda test, expected, _: test.assert_named(expected, test.findings()))

if __name__ == "__main__":
    harness.main()
