"""A run stopped at any moment, politely or not, is finished by the same command and ends where an undisturbed one ends.

Moments are real milliseconds, so no two runs of this test stop at the same ones; whatever they hit must hold. Which
moments there are is asked systematically elsewhere (tests/crash).
"""
import pathlib
import signal
import time

import harness
from harness import DONE, INTERRUPTED, ITEMS, LEASE_HELD, tearDownModule  # noqa: F401

MOMENTS = 12
ROUNDS = 3


class Interruption(harness.Case):
    def duration(self):
        app = self.loaded()
        start = time.monotonic()
        app.run("run", "--yes")
        return time.monotonic() - start, app.outcome()

    def assert_same_end(self, app, expected, when):
        app.run("run", "--yes")
        outcome = app.outcome()
        for name, value in expected.items():
            self.assertTrue(outcome[name] == value, f"{name} differs after {when}")
        self.assertTrue(app.json("verify")["passed"], when)
        self.assertEqual(app.status()["state"], "cut_over")

    def test_kill_at_many_moments(self):
        seconds, expected = self.duration()
        for moment in range(MOMENTS):
            app = self.loaded()
            legacy = app.legacy()
            delay = seconds * (moment + 0.5) / MOMENTS
            app.stop_after(delay, "run", "--yes", by=signal.SIGKILL)
            self.assert_same_end(app, expected, f"SIGKILL at {delay:.3f} of {seconds:.3f} s")
            self.assert_untouched(legacy, app)

    def test_kill_again_and_again(self):
        seconds, expected = self.duration()
        for moment in range(ROUNDS):
            app = self.loaded()
            for part in range(4):
                app.stop_after(seconds * (moment + part + 1) / 8, "run", "--yes", by=signal.SIGKILL)
            self.assert_same_end(app, expected, f"four SIGKILLs, round {moment}")

    def test_signals_are_answered_with_exit_5_and_a_released_lease(self):
        seconds, expected = self.duration()
        stopped = 0
        for moment in range(MOMENTS // 2):
            for sign in (signal.SIGINT, signal.SIGTERM):
                app = self.loaded()
                answer = app.stop_after(seconds * (moment + 0.5) / (MOMENTS // 2), "run", "--yes", by=sign)
                # Before its handler stands a process dies of the signal, and then it has not begun.
                self.assertIn(answer.exit, (DONE, INTERRUPTED, -sign), str(answer))
                if answer.exit == INTERRUPTED:
                    stopped += 1
                    self.assertIn("next: ", answer.err)
                    # Cutover falls back to what stood before it, or stands.
                    self.assertIn(app.status()["state"], ("interrupted", "migrated", "cut_over"))
                self.assert_same_end(app, expected, f"{sign.name} at moment {moment}")
        self.assertGreater(stopped, 0, "no signal hit a run")

    def test_a_killed_rollback_is_finished_by_the_same_command(self):
        reference = self.ran()
        start = time.monotonic()
        reference.run("rollback", "--all", "--yes")
        seconds = time.monotonic() - start
        expected = reference.outcome()
        for moment in range(MOMENTS // 2):
            app = self.ran()
            legacy = app.legacy()
            app.stop_after(seconds * (moment + 0.5) / (MOMENTS // 2), "rollback", "--all", "--yes", by=signal.SIGKILL)
            app.run("rollback", "--all", "--yes")
            self.assertTrue(app.outcome() == expected, f"rollback killed at moment {moment}")
            self.assert_untouched(legacy, app)
            self.assertEqual(app.status()["state"], "rolled_back")

    def test_a_killed_cutover_completes_or_is_put_back(self):
        seconds, expected = 0, self.ran().outcome()
        timed = self.ran(through=3)
        start = time.monotonic()
        timed.run("cutover", "--yes")
        seconds = time.monotonic() - start
        for moment in range(MOMENTS):
            app = self.ran(through=3)
            app.stop_after(seconds * (moment + 0.5) / MOMENTS, "cutover", "--yes", by=signal.SIGKILL)
            pointer = harness.as_python_reads(app.env_file)["PINECONE_NAMESPACE"]
            self.assertIn(pointer, (harness.OLD_NAMESPACE, harness.NEW_NAMESPACE))
            app.run("cutover", "--yes")
            self.assertTrue(app.outcome() == expected, f"cutover killed at moment {moment}")
            self.assertEqual(app.status()["state"], "cut_over")

    def test_a_killed_revert_loses_no_write_of_the_new_side(self):
        def written():
            app = self.ran()
            app.write(ITEMS, lambda item: {**item, "company_name": "Maps back"}, count=5)
            app.write(ITEMS, lambda item: {**item, "extra": "irreplaceable"}, where=lambda item: item["company_name"] != "Maps back")
            app.write(ITEMS, lambda item: None, where=lambda item: item["company_name"] != "Maps back" and "extra" not in item)
            return app

        reference = written()
        start = time.monotonic()
        reference.run("revert", "--yes")
        seconds, expected = time.monotonic() - start, reference.outcome()
        legacy = reference.raw("training_data")
        for moment in range(MOMENTS):
            app = written()
            app.stop_after(seconds * (moment + 0.5) / MOMENTS, "revert", "--yes", by=signal.SIGKILL)
            app.run("revert", "--yes")
            when = f"revert killed at moment {moment}"
            self.assertTrue(app.raw("training_data") == legacy, when)
            self.assertTrue(app.outcome() == expected, when)
            saved = b"".join(app.raw("rehome_saved"))
            self.assertIn(b"irreplaceable", saved, when)
            self.assertEqual((app.status()["state"], app.status()["fence"]), ("migrated", None), when)
            self.assertTrue(app.json("verify")["passed"], when)

    def test_a_killed_retire_is_finished_or_undone(self):
        timed = self.ran()
        start = time.monotonic()
        timed.at(25, "retire", "--yes")
        seconds = time.monotonic() - start
        for moment in range(MOMENTS):
            app = self.ran()
            legacy, outcome = app.legacy(), app.outcome()
            app.stop_after(seconds * (moment + 0.5) / MOMENTS, "retire", "--yes", by=signal.SIGKILL, **harness.ahead(25))
            if moment % 2:
                app.at(25, "retire", "--yes")
                self.assertNotIn("training_data", app.collections())
                self.assertNotIn(harness.OLD_NAMESPACE, app.namespaces())
            app.at(26, "rollback", "--phase", 5, "--yes")
            self.assert_untouched(legacy, app)
            self.assertTrue(app.outcome() == outcome, f"retire killed at moment {moment}")
            self.assertEqual(app.status()["state"], "cut_over")

    def test_a_killed_process_leaves_nothing_in_shared_memory(self):
        app = self.loaded()
        del app.env["MONGOC_DISABLE_SHM"]  # as a user has it: the MongoDB driver publishes counters there
        process = app.start("pinecone-local", "--port", "0", "--dir", app.dir / "other")
        self.assertTrue(process.stdout.readline().startswith("ready "))
        process.kill()
        process.communicate()
        self.assertFalse(pathlib.Path(f"/dev/shm/mongoc-{process.pid}").exists())

    def test_a_second_runner_is_turned_away(self):
        """While one runs, another is exit 7 at once (or, when the first was quicker, finds nothing to do)."""
        app = self.loaded()
        first = app.start("run", "--yes")
        second = app.run("run", "--yes", expect=(LEASE_HELD, DONE))
        first.communicate()
        if second.exit == LEASE_HELD:
            self.assert_error(second)
        self.assertIn(first.returncode, (DONE, LEASE_HELD))
        app.run("run", "--yes")
        self.assertTrue(app.outcome() == self.ran().outcome())


if __name__ == "__main__":
    harness.main()
