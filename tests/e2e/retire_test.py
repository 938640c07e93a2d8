"""The end of the old side: gated by time, stragglers and verification, and undone byte for byte. Time is the test binary's."""
import shutil

import bson

import harness
from harness import CHECK_FAILED, ITEMS, NEW_NAMESPACE, OLD_NAMESPACE, REFUSED, tearDownModule  # noqa: F401

GONE = {"training_data", "chunks", "embeddings"}


class Retire(harness.Case):
    def test_refused_before_a_day_has_passed(self):
        app = self.ran()
        files = app.legacy()
        for hours in (0, 1, 23.9):
            answer = app.at(hours, "retire", "--yes", expect=REFUSED)
            self.assert_error(answer, "24 h")
            self.assert_untouched(files, app)
        status = app.status()
        self.assertEqual((status["state"], status["phases"][5]["state"]), ("cut_over", "pending"))

    def test_refused_before_cutover(self):
        app = self.ran(through=3)
        files = app.legacy()
        self.assert_error(app.at(100, "retire", "--yes", expect=REFUSED), "phase 4 (cutover)")
        self.assert_error(app.at(100, "run", "--phase", 5, "--yes", expect=REFUSED), "phase 4 (cutover)")
        self.assert_untouched(files, app)

    def test_removes_the_old_side_and_nothing_else(self):
        app = self.ran()
        proposals, outcome = app.raw("proposals"), app.outcome()
        answer = app.at(25, "retire", "--yes", "--json").json
        self.assertEqual(answer["state"], "retired")
        self.assertEqual(app.collections() & GONE, set())
        self.assertEqual([name for name in app.collections() if name.startswith("rehome_retired_")], [])
        self.assertTrue(app.raw("proposals") == proposals)
        self.assertEqual(app.namespaces(), {NEW_NAMESPACE: 101})
        self.assertTrue(app.outcome() == outcome)
        status = app.at(25, "status", "--json").json
        self.assertEqual((status["state"], status["phases"][5]["state"]), ("retired", "done"))

    def test_leaves_a_verified_backup_of_exactly_that(self):
        app = self.ran()
        legacy = app.legacy()
        app.at(25, "retire", "--yes")
        newest = max(app.json("backup", "list")["backups"])
        self.assertTrue(app.json("backup", "verify", "--dir", newest)["passed"])
        app.run("backup", "restore", "--dir", newest, "--into", "sqlite:again.db", "--yes")
        self.assertTrue({name: app.raw(name, "again.db") for name in GONE} == {name: legacy[name] for name in GONE})

    def test_another_backup_in_the_place_of_its_own_is_named_and_not_restored(self):
        app = self.ran()
        first = min(app.json("backup", "list")["backups"])
        app.at(25, "retire", "--yes")
        own = max(app.json("backup", "list")["backups"])
        shutil.rmtree(app.dir / own)
        shutil.copytree(app.dir / first, app.dir / own)
        report = app.at(26, "verify", "--check", "backup", "--json", expect=CHECK_FAILED).json
        self.assertEqual([(one["class"], one["id"]) for one in report["checks"][0]["discrepancies"]], [("differing", "manifest.json")])
        self.assert_error(app.at(26, "rollback", "--phase", 5, "--yes", expect=CHECK_FAILED), "not the backup that this run retired into")
        self.assertEqual(app.collections() & GONE, set())

    def test_rollback_of_phase_5_restores_byte_for_byte(self):
        app = self.ran()
        legacy, outcome = app.legacy(), app.outcome()
        app.at(25, "retire", "--yes")
        app.at(26, "rollback", "--phase", 5, "--yes")
        self.assert_untouched(legacy, app)
        self.assertTrue(app.outcome() == outcome)
        self.assertEqual(app.at(26, "status", "--json").json["state"], "cut_over")
        app.at(27, "retire", "--yes")
        self.assertEqual(app.collections() & GONE, set())

    def test_revert_and_full_rollback_restore_first(self):
        for verb in (["revert"], ["rollback", "--all"]):
            app = self.ran()
            legacy = app.legacy()
            app.at(25, "retire", "--yes")
            app.at(26, *verb, "--yes")
            self.assert_untouched(legacy, app)
            self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)

    def test_twice_is_once(self):
        app = self.ran()
        app.at(25, "retire", "--yes")
        outcome = app.outcome()
        again = app.at(26, "retire", "--yes", "--json").json
        self.assertTrue(again["nothing_to_do"])
        self.assertTrue(app.at(26, "run", "--yes", "--json").json["nothing_to_do"])
        self.assertTrue(app.outcome() == outcome)

    def test_a_straggler_refuses_and_is_carried_over(self):
        app = self.unfenced()
        legacy_id = app.documents("training_data")[20]["_id"]
        app.write("training_data", lambda document: {**document, "company_name": "Straggler Ltd"},
                  where=lambda document: document["_id"] == legacy_id)
        answer = app.at(25, "retire", "--yes", expect=REFUSED)
        self.assert_error(answer)
        self.assertEqual(app.collections() & GONE, GONE)
        item, = (item for item in app.documents(ITEMS) if item["_id"] == legacy_id)
        self.assertEqual(item["company_name"], "Straggler Ltd")
        # A day after the last straggler it may go.
        self.assert_error(app.at(30, "retire", "--yes", expect=REFUSED))
        app.at(50, "retire", "--yes")
        self.assertEqual(app.collections() & GONE, set())

    def test_a_failing_verification_refuses(self):
        app = self.ran()
        files = app.legacy()
        with app.index() as index:
            index.delete(NEW_NAMESPACE, [app.documents(ITEMS)[0]["item_id"]])
        app.at(25, "retire", "--yes", expect=harness.CHECK_FAILED)
        self.assert_untouched(files, app)

    def test_vectors_that_are_not_in_the_backup_are_kept_and_named(self):
        """Written while the namespace is emptied; here simply an id that another program put there just before."""
        app = self.ran()
        with app.index() as index:
            index.upsert(OLD_NAMESPACE, [{"id": "newcomer", "values": [0.5] * 384}])
        legacy = app.legacy()
        app.at(25, "retire", "--yes")
        app.at(26, "rollback", "--phase", 5, "--yes")
        self.assert_untouched(legacy, app)

    def test_shortened_retention_is_asked_for_and_audited(self):
        app = self.ran()
        shorter = ["--set", "retire.after=1h"]
        self.assert_error(app.at(2, "retire", *shorter, "--yes", expect=REFUSED), "--shorten-retention")
        self.assertEqual(app.collections() & GONE, GONE)
        app.at(2, "retire", *shorter, "--shorten-retention", "--yes")
        self.assertEqual(app.collections() & GONE, set())
        self.assertIn(b"retention shortened", b"".join(app.raw("rehome_audit")))

    def test_shortened_retention_still_waits_for_what_it_says(self):
        app = self.ran()
        app.at(0.5, "retire", "--set", "retire.after=1h", "--shorten-retention", "--yes", expect=REFUSED)
        self.assertEqual(app.collections() & GONE, GONE)

    def unfenced(self):
        """Cut over by a plan that wants no fence: then a stale instance of the application can still write."""
        app = self.ran(through=3)
        app.plan.write_text(app.plan.read_text().replace("fence: auto", "fence: none"))
        app.run("cutover", "--yes")
        return app

    def test_the_fence_stops_the_old_applications_writes(self):
        app = self.ran()
        with self.assertRaises(Exception) as refused:
            app.write("training_data", lambda document: None)
        self.assertNotIsInstance(refused.exception, AssertionError)
        self.assertEqual(len(app.raw("training_data")), 101)
        app.run("revert", "--yes")
        app.write("training_data", lambda document: None)
        self.assertEqual(len(app.raw("training_data")), 100)

    def test_an_inserted_straggler_becomes_an_item(self):
        app = self.unfenced()
        late = {"_id": bson.ObjectId("ffffffffffffffffffff0001"), "company_name": "Late & Co", "job_title": "SEO audit",
                "skills_required": ["SEO"], "industry": "Media"}
        app.insert("training_data", late)
        app.run("run", "--online", "--yes")
        item, = (item for item in app.documents(ITEMS) if item["_id"] == late["_id"])
        self.assertEqual((item["company_name"], item["is_embedded"]), ("Late & Co", True))
        self.assertIn(item["item_id"], app.vectors(NEW_NAMESPACE))
        self.assert_error(app.at(23, "retire", "--yes", expect=REFUSED))


if __name__ == "__main__":
    harness.main()
