"""Undo: one phase and what came after it, or all; what is ours goes, what is foreign stays, what was changed is saved."""
import bson

import harness
from harness import ITEMS, NEW_NAMESPACE, OLD_NAMESPACE, ORGANIZATIONS, PROFILES, REFUSED, tearDownModule  # noqa: F401


class Rollback(harness.Case):
    def assert_nothing_left(self, app, from_phase):
        """Of the phases from `from_phase` on nothing is left in the target."""
        if from_phase <= 3:
            self.assertEqual(app.namespaces().get(NEW_NAMESPACE, 0), 0)
        if from_phase <= 2:
            self.assertEqual(app.raw(ITEMS), [])
        if from_phase <= 1:
            self.assertEqual((app.raw(ORGANIZATIONS), app.raw(PROFILES)), ([], []))
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)

    def test_of_each_phase_and_forward_again(self):
        expected = self.ran().outcome()
        digest = self.ran(through=2).restore_point(2)["digest"]
        for number in (1, 2, 3, 4):
            app = self.ran()
            legacy = app.legacy()
            app.run("rollback", "--phase", number, "--yes")
            self.assert_nothing_left(app, number)
            self.assert_untouched(legacy, app)
            states = [phase["state"] for phase in app.status()["phases"]]
            self.assertEqual(states[:number], ["done"] * number)
            self.assertEqual(states[number], "undone")
            app.run("run", "--yes")
            self.assertTrue(app.outcome() == expected, f"another outcome after rollback of phase {number}")
            self.assertEqual(app.restore_point(2)["digest"], digest)

    def test_of_all_and_forward_again(self):
        app = self.ran()
        legacy, expected = app.legacy(), app.outcome()
        digest = app.restore_point(2)["digest"]
        app.run("rollback", "--all", "--yes")
        self.assert_nothing_left(app, 1)
        self.assert_untouched(legacy, app)
        self.assertEqual(app.status()["state"], "rolled_back")
        self.assertEqual(app.namespaces(), {OLD_NAMESPACE: 612})
        self.assertEqual(app.collections() & {ITEMS, ORGANIZATIONS, PROFILES}, set())
        app.run("run", "--yes")
        self.assertTrue(app.outcome() == expected)
        self.assertEqual(app.restore_point(2)["digest"], digest)
        self.assertTrue(app.json("verify")["passed"])

    def test_the_backup_is_kept(self):
        app = self.ran()
        app.run("rollback", "--all", "--yes")
        self.assertEqual(len(app.json("backup", "list")["backups"]), 1)
        self.assertTrue(app.json("backup", "verify")["passed"])

    def test_of_phase_4_only_points_back(self):
        app = self.ran()
        items, vectors = app.raw(ITEMS), app.vectors(NEW_NAMESPACE)
        app.run("rollback", "--phase", 4, "--yes")
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)
        self.assertTrue((app.raw(ITEMS), app.vectors(NEW_NAMESPACE)) == (items, vectors))
        self.assertEqual(app.status()["state"], "migrated")
        self.assertIsNone(app.status()["fence"])

    def test_of_phase_3_resets_the_marks(self):
        app = self.ran(through=3)
        unmarked = self.ran(through=2).raw(ITEMS)
        app.run("rollback", "--phase", 3, "--yes")
        self.assertTrue(app.raw(ITEMS) == unmarked)
        self.assertNotIn(NEW_NAMESPACE, app.namespaces())

    def test_of_what_never_ran_says_so(self):
        for app, args in ((self.loaded(), ["--all"]), (self.loaded(), ["--phase", "2"]), (self.ran(through=1), ["--phase", "3"])):
            self.assertTrue(app.json("rollback", *args, "--yes")["nothing_to_do"])

    def test_of_a_run_that_was_refused_before_it_wrote_lets_a_changed_plan_begin(self):
        app = self.loaded()
        right = app.plan.read_text()
        app.plan.write_text(right.replace("from: training_data\n", "from: training_dat\n"))
        app.run("run", "--yes", expect=harness.REFUSED)
        app.plan.write_text(right)
        self.assert_error(app.run("run", "--yes", expect=harness.REFUSED), "items.from", "rollback --all")
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.status()["state"], "rolled_back")
        app.run("rollback", "--all", "--yes")
        app.run("run", "--yes")
        self.assertEqual(app.status()["state"], "cut_over")

    def test_wants_to_be_told_what(self):
        app = self.ran(through=2)
        app.run("rollback", "--yes", expect=harness.USAGE)
        app.run("rollback", "--all", "--phase", 2, "--yes", expect=harness.USAGE)

    def test_foreign_documents_and_vectors_stay(self):
        """Another organization came to live in the collections and the index meanwhile."""
        app = self.ran(through=3)
        foreign = {"_id": bson.ObjectId("0123456789abcdef01234567"), "item_id": "theirs", "org_id": "org_other", "x": 1}
        app.insert(ITEMS, foreign)
        with app.index() as index:
            index.upsert("portfolio_other", [{"id": "theirs", "values": [0.5] * 384, "metadata": {"org_id": "org_other"}}])
            index.upsert(NEW_NAMESPACE, [{"id": "stray", "values": [0.25] * 384}])
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.documents(ITEMS), [foreign])
        self.assertEqual(app.namespaces(), {OLD_NAMESPACE: 612, "portfolio_other": 1, NEW_NAMESPACE: 1})
        self.assertIn("stray", app.vectors(NEW_NAMESPACE))

    def test_changed_items_are_saved_and_named_before_they_go(self):
        app = self.ran(through=3)
        changed, = app.write(ITEMS, lambda item: {**item, "company_name": "Changed by hand ☃"})
        answer = app.json("rollback", "--all", "--yes")
        self.assertEqual(app.raw(ITEMS), [])
        saved = saved_text(app, answer)
        self.assertIn("Changed by hand ☃", saved)
        self.assertIn(changed["item_id"], saved)

    def test_changed_vectors_are_saved_before_they_go(self):
        app = self.ran(through=3)
        victim = app.documents(ITEMS)[7]["item_id"]
        with app.index() as index:
            index.upsert(NEW_NAMESPACE, [{"id": victim, "values": [0.125] * 384, "metadata": {"by": "hand-made"}}])
        answer = app.json("rollback", "--phase", 3, "--yes")
        self.assertEqual(app.namespaces().get(NEW_NAMESPACE, 0), 0)
        saved = saved_text(app, answer)
        self.assertIn(victim, saved)
        self.assertIn("hand-made", saved)

    def test_a_pointer_that_someone_else_changed_is_left_alone(self):
        app = self.ran()
        app.env_file.write_text("PINECONE_NAMESPACE=elsewhere\n")
        answer = app.run("rollback", "--all", "--yes", expect=REFUSED)
        self.assert_error(answer, "PINECONE_NAMESPACE")
        self.assertEqual(app.env_file.read_text(), "PINECONE_NAMESPACE=elsewhere\n")


class TheMissionsScenarios(harness.Case):
    """The three scenarios of the mission's "Rollback Procedures", in our commands."""

    def test_1_migration_script_failure(self):
        app = self.loaded()
        legacy = app.legacy()
        backup = app.json("backup", "create", "--dir", "backups/pre_migration")["path"]
        app.run("run", "--through", 2, "--yes")
        app.run("rollback", "--phase", 2, "--yes")
        self.assertEqual(app.raw(ITEMS), [])
        # Restore from backup if needed: here something also tore holes into the old data.
        app.write("training_data", lambda document: None, count=30)
        app.write("chunks", lambda document: None, count=505)
        restored = app.json("backup", "restore", "--dir", "backups/pre_migration", "--only", "documents", "--yes")
        self.assertEqual(restored["path"], backup)
        self.assertEqual(restored["collections"]["training_data"]["inserted"], 30)
        self.assertEqual(restored["collections"]["chunks"]["inserted"], 505)
        self.assert_untouched(legacy, app)
        app.run("run", "--yes")
        self.assertTrue(app.outcome() == self.ran().outcome())

    def test_2_pinecone_reindex_failure(self):
        app = self.ran(through=3)
        expected = app.outcome()
        legacy = app.legacy()
        app.run("vectors", "backup", "--namespace", OLD_NAMESPACE, "--yes")
        # The failure: some vectors are gone, some are rubbish; the legacy namespace was hit as well.
        items = app.documents(ITEMS)
        with app.index() as index:
            index.delete(NEW_NAMESPACE, [item["item_id"] for item in items[:40]])
            index.upsert(NEW_NAMESPACE, [{"id": items[50]["item_id"], "values": [0.5] * 384}])
            index.delete(OLD_NAMESPACE, index.ids(OLD_NAMESPACE)[:100])
        self.assertFalse(app.json("verify", expect=harness.CHECK_FAILED)["passed"])
        app.run("vectors", "clear", "--namespace", NEW_NAMESPACE, "--yes")
        self.assertEqual(app.namespaces().get(NEW_NAMESPACE, 0), 0)
        restored = app.json("backup", "restore", "--only", "vectors", "--yes")
        self.assertEqual(restored["namespaces"][OLD_NAMESPACE]["inserted"], 100)
        app.run("vectors", "reembed", "--namespace", NEW_NAMESPACE, "--yes")
        self.assertTrue(app.outcome() == expected)
        self.assert_untouched(legacy, app)
        self.assertTrue(app.json("verify")["passed"])
        app.run("run", "--yes")
        self.assertEqual(app.status()["state"], "cut_over")

    def test_3_full_rollback(self):
        app = self.ran()
        legacy = self.loaded().legacy()
        app.run("rollback", "--phase", 4, "--yes")  # lifts the fence, so that the disaster below can happen
        app.write("training_data", lambda document: None, count=101)
        with app.index() as index:
            index.delete(OLD_NAMESPACE, index.ids(OLD_NAMESPACE))
        app.run("backup", "restore", "--only", "documents", "--yes")
        app.run("backup", "restore", "--only", "vectors", "--yes")
        app.run("revert", "--yes")
        app.run("rollback", "--all", "--yes")
        self.assert_untouched(legacy, app)
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)
        self.assertEqual(app.collections() & {ITEMS, ORGANIZATIONS, PROFILES}, set())
        self.assertEqual(app.namespaces(), {OLD_NAMESPACE: 612})


def saved_text(app, answer):
    """What the file holds that `answer` names."""
    files = list((app.dir / "backups").glob("saved-*"))
    assert files and any(file.name in " ".join(answer["done"]) for file in files), answer
    return "".join(file.read_text(encoding="utf-8") for file in files)


if __name__ == "__main__":
    harness.main()
