"""Phases one by one: each alone, in order only, up to one of them; each leaves its restore point."""
import harness
from harness import DONE, ITEMS, NEW_NAMESPACE, REFUSED, USAGE, tearDownModule  # noqa: F401

NAMES = ["prepare", "tenants", "items", "vectors", "cutover", "retire"]


class Phases(harness.Case):
    def test_one_by_one_they_end_where_all_at_once_ends(self):
        app = self.loaded()
        legacy = app.legacy()
        for number in range(5):
            app.run("run", "--phase", number, "--yes")
            self.assertEqual(app.phase(number)["state"], "done")
            self.assertIsNotNone(app.restore_point(number), f"phase {number} left no restore point")
            self.assertEqual(app.phase(number)["name"], NAMES[number])
        self.assertEqual(app.status()["state"], "cut_over")
        self.assertTrue(app.outcome() == self.ran().outcome(), "another outcome than that of one run")
        self.assert_untouched(legacy, app)

    def test_each_phase_leaves_what_it_says(self):
        app = self.loaded()
        app.run("run", "--phase", 0, "--yes")
        self.assertEqual(app.collections() & {harness.ORGANIZATIONS, harness.PROFILES, ITEMS}, set())
        self.assertEqual(len(list((app.dir / "backups").glob("*/manifest.json"))), 1)
        app.run("run", "--phase", 1, "--yes")
        self.assertEqual([len(app.raw(harness.ORGANIZATIONS)), len(app.raw(harness.PROFILES)), len(app.raw(ITEMS))], [1, 1, 0])
        app.run("run", "--phase", 2, "--yes")
        self.assertEqual({(item["is_embedded"], item["embedding_id"]) for item in app.documents(ITEMS)}, {(False, None)})
        self.assertNotIn(NEW_NAMESPACE, app.namespaces())
        app.run("run", "--phase", 3, "--yes")
        self.assertTrue(all(item["is_embedded"] for item in app.documents(ITEMS)))
        self.assertEqual(app.namespaces()[NEW_NAMESPACE], 101)
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)
        self.assertEqual(app.status()["state"], "migrated")
        app.run("run", "--phase", 4, "--yes")
        self.assertIn(NEW_NAMESPACE, app.env_file.read_text())

    def test_out_of_order_is_refused_and_names_the_phase(self):
        for done in range(-1, 3):
            app = self.loaded() if done < 0 else self.ran(through=done)
            files = app.outcome()
            for number in range(done + 2, 5):
                answer = app.run("run", "--phase", number, "--yes", expect=REFUSED)
                self.assert_error(answer, f"phase {done + 1} ({NAMES[done + 1]})")
                self.assertTrue(app.outcome() == files)

    def test_verbs_whose_phase_has_not_run_name_it(self):
        app = self.loaded()
        self.assert_error(app.run("verify", expect=REFUSED), "phase 0 (prepare)")
        self.assert_error(app.run("cutover", "--yes", expect=REFUSED), "phase 0 (prepare)")
        self.assert_error(app.run("retire", "--yes", expect=REFUSED), "phase 4 (cutover)")
        app.run("run", "--through", 2, "--yes")
        self.assert_error(app.run("cutover", "--yes", expect=REFUSED), "phase 3 (vectors)")

    def test_verify_refuses_where_nothing_was_written_that_was_asked_about(self):
        app = self.ran(through=1)
        self.assert_error(app.run("verify", "--check", "counts", expect=harness.REFUSED), "phase 2 (items) has not run")
        app.run("verify", "--check", "audit")
        app.run("verify")
        app.run("rollback", "--all", "--yes")
        self.assert_error(app.run("verify", "--check", "tenants", expect=harness.REFUSED), "phase 1 (tenants) was undone")

    def test_through_stops_after_that_phase(self):
        for last in (1, 3):
            app = self.ran(through=last)
            states = [phase["state"] for phase in app.status()["phases"]]
            self.assertEqual(states[:last + 1], ["done"] * (last + 1))
            self.assertNotIn("done", states[last + 1:])

    def test_a_run_that_was_told_to_rest_is_not_said_to_be_interrupted(self):
        app = self.loaded()
        for answer in (app.run("run", "--through", 1, "--yes"), app.run("status")):
            self.assertIn("is at rest between two phases", answer.out)
            self.assertNotIn("interrupted", answer.out)

    def test_through_goes_on_from_there(self):
        app = self.ran(through=1)
        app.run("run", "--through", 3, "--yes")
        self.assertEqual(app.status()["state"], "migrated")
        self.assertEqual(app.run("cutover", "--yes").exit, DONE)
        self.assertTrue(app.outcome() == self.ran().outcome())

    def test_a_finished_phase_may_be_run_again(self):
        app = self.ran(through=3)
        before = app.outcome()
        for number in range(4):
            app.run("run", "--phase", number, "--yes")
            self.assertTrue(app.outcome() == before, f"phase {number} again changed the outcome")
        self.assertEqual(app.status()["state"], "migrated")

    def test_numbers_that_are_no_phase_are_wrong_usage(self):
        app = self.loaded()
        for number in ("6", "-1", "two", "1.5", ""):
            app.run("run", f"--phase={number}", "--yes", expect=USAGE)

    def test_what_is_already_so_is_said_and_is_no_error(self):
        app = self.ran()
        outcome = app.outcome()
        for args in (["run"], ["cutover"], ["run", "--phase", "4"]):
            self.assertTrue(app.json(*args, "--yes")["nothing_to_do"], args)
        self.assertTrue(app.outcome() == outcome)
        app.run("revert", "--yes")
        self.assertTrue(app.json("revert", "--yes")["nothing_to_do"])
        app.run("rollback", "--all", "--yes")
        self.assertTrue(app.json("rollback", "--all", "--yes")["nothing_to_do"])
        self.assertTrue(self.loaded().json("rollback", "--all", "--yes")["nothing_to_do"])

    def test_data_phases_are_refused_after_cutover(self):
        app = self.ran()
        outcome = app.outcome()
        for number in (1, 2, 3):
            app.run("run", "--phase", number, "--yes", expect=(DONE, REFUSED))
            self.assertTrue(app.outcome() == outcome)
        self.assertEqual(app.status()["state"], "cut_over")


if __name__ == "__main__":
    harness.main()
