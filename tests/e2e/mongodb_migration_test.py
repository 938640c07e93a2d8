"""The application on MongoDB moved from end to end: every byte as on SQLite, undone again, on one server and from one to another."""
import harness
import migration_test
import rollback_test
from harness import ITEMS, NEW_NAMESPACE, OLD_NAMESPACE, ORGANIZATIONS, PROFILES, tearDownModule  # noqa: F401
from mongodb_application import Case, MongoApp, MongoServer


class TheRealApplicationOnMongoDB(migration_test.TheRealApplication):
    app_type = MongoApp


class TheDemoApplicationOnMongoDB(migration_test.TheDemoApplication):
    app_type = MongoApp


class BesideSqlite(Case):
    def test_both_stores_end_with_the_same_bytes(self):
        app, embedded = self.ran(), harness.App()
        self.addCleanup(embedded.remove)
        embedded.run("load", "--from", harness.any_data(), "--yes")
        embedded.run("run", "--yes")
        self.assertTrue(app.legacy() == embedded.legacy(), "the load already differs")
        self.assertTrue(app.outcome() == embedded.outcome())
        for phase in (1, 2, 3):
            self.assertEqual(app.restore_point(phase)["digest"], embedded.restore_point(phase)["digest"])

    def test_from_one_server_to_another(self):
        with MongoServer() as target:
            expected = self.ran().outcome()
            app = self.apart(target)
            before = app.legacy()
            app.run("run", "--yes")
            self.assertEqual(app.json("verify")["passed"], True)
            self.assertTrue(app.outcome() == expected)
            self.assert_untouched(before, app)
            self.assertEqual(app.names_on(app.server), set(harness.LEGACY))
            self.assertLessEqual({ITEMS, ORGANIZATIONS, PROFILES, "rehome_runs"}, app.names_on(target))
            app.run("rollback", "--all", "--yes")
            self.assertEqual(app.names_on(target) & {ITEMS, ORGANIZATIONS, PROFILES}, set())
            self.assertEqual(app.namespaces(), {OLD_NAMESPACE: 612})
            self.assert_untouched(before, app)
            app.remove()

    def apart(self, target):
        """An application whose new side shall live on the server `target`."""
        app = MongoApp(target=target)
        self.addCleanup(harness.App.remove, app)
        plan = app.plan.read_text()
        one_store = next(line for line in plan.splitlines() if line.startswith("documents:"))
        app.plan.write_text(plan.replace(one_store, "documents: { source: '${MONGODB_URI}', target: '${TARGET_URI}' }"))
        app.run("load", "--from", harness.any_data(), "--yes")
        return app

    def test_indexes_of_the_new_side_are_unique(self):
        app = self.ran(through=2)
        unique = {name: {tuple(index["key"]) for index in app.collection(name).list_indexes() if index.get("unique")}
                  for name in (ORGANIZATIONS, PROFILES, ITEMS)}
        self.assertIn(("slug",), unique[ORGANIZATIONS])
        self.assertIn(("org_id",), unique[ORGANIZATIONS])
        self.assertIn(("profile_id",), unique[PROFILES])
        self.assertIn(("item_id",), unique[ITEMS])


class UndoneOnMongoDB(Case, rollback_test.Rollback):
    pass


class TheMissionsScenariosOnMongoDB(Case, rollback_test.TheMissionsScenarios):
    pass


if __name__ == "__main__":
    harness.main()
