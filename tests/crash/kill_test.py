"""Whenever the binary dies, the same command ends where it would have ended undisturbed, byte for byte."""
import random

import harness
from harness import BINARY_AT, DONE, tearDownModule  # noqa: F401
from killing import Undisturbed, finish, kill_at
from small_application import MANY_TENANTS, Case, item_id

COUNT = 2000
NAMES = {f"org_{name}": f"jobs_{name}" for name in ("acme", "bolt", "cord")}
SETTINGS = {"_id": "namespaces", "org_acme": "letters", "org_bolt": "letters"}
A_DAY_LATER = {"binary": BINARY_AT, "env": {"REHOME_TEST_CLOCK_OFFSET_MS": str(25 * 3_600_000)}}


class Killed(Case):
    """Three tenants, and four pointers in two places: an .env file and a document."""

    maxDiff = 400

    def application(self):
        cutover = {"env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "50ms",
                   "documents": [{"collection": "settings", "id": "namespaces", "set": NAMES}]}
        app = self.small(count=COUNT, tenants=MANY_TENANTS, cutover=cutover)
        app.load_more("settings", [SETTINGS])
        return app

    def twin(self, app):
        return self._own(app.copy())

    def pointers(self, app):
        return app.pointer(), app.document("settings", "namespaces")

    def end(self, app):
        """All that may depend on a run: the new side, the pointers, the fence and the run's state."""
        return {**app.outcome(), **app.legacy(), "pointers": self.pointers(app), "fenced": app.is_fenced(), "state": app.status()["state"]}

    def assert_same(self, found, expected):
        for name, value in expected.items():
            if found[name] != value:
                self.fail(f"{name} is {summary(found[name])}, undisturbed it is {summary(value)}")

    def assert_rests(self, app):
        """What holds however it died: nothing claims to be running, and half-flipped pointers or a fence that nobody
        decided on exist only while the journal knows of an open decision, which `status` shouts out."""
        answer = app.run("status", "--json")
        self.assertNotEqual(answer.json["state"], "running")
        old, new = ("letters", SETTINGS), ("jobs_acme", {**SETTINGS, **NAMES})
        flipped = self.pointers(app)
        side = "old" if flipped == old else "new" if flipped == new else "half"
        quiet = "ATTENTION" not in answer.err
        if answer.json["phases"][5]["state"] not in ("pending", "undone"):
            self.assertEqual(side, "new")  # the old side may be half gone, and is nobody's then
        elif quiet:
            on_new_side = answer.json["state"] == "cut_over"
            self.assertEqual((side, app.is_fenced()), ("new", True) if on_new_side else ("old", False))

    def kill_everywhere(self, start, *arguments, source_stands=True, **options):
        """Kills the command on copies of `start` at moments in every stretch, and once more while it resumes."""
        whole = self.twin(start)
        undisturbed = Undisturbed(whole, *arguments, **options)
        expected = self.end(whole)
        before = start.legacy()
        chance = random.Random(3)
        killed = 0
        for mark, seconds in undisturbed.moments():
            with self.subTest(command=arguments[0], after=mark, seconds=round(seconds, 3)):
                app = self.twin(start)
                if kill_at(app, mark, seconds, *arguments, **options) is None:
                    killed += 1
                self.assert_rests(app)
                kill_at(app, None, chance.uniform(0, undisturbed.seconds / 2), *arguments, **options)
                self.assert_rests(app)
                finish(app, *arguments, **options)
                self.assert_same(self.end(app), expected)
                if source_stands:
                    self.assert_untouched(before, app)
                app.remove()
        self.assertGreaterEqual(killed, max(len(undisturbed.moments()) // 2, 1), "most kills came too late")
        return whole

    def test_run(self):
        whole = self.kill_everywhere(self.application(), "run", "--yes")
        whole.verify()

    def test_run_then_rollback_of_what_it_left(self):
        start = self.application()
        before, settings = start.legacy(), start.raw("settings")
        undisturbed = Undisturbed(self.twin(start), "run", "--yes")
        for mark, seconds in undisturbed.moments(slices=2):
            with self.subTest(after=mark, seconds=round(seconds, 3)):
                app = self.twin(start)
                kill_at(app, mark, seconds, "run", "--yes")
                if app.status()["run_id"] is None:
                    continue  # it died before there was anything to undo
                finish(app, "rollback", "--all", "--yes")
                self.assert_nothing_left(app, before, settings)

    def assert_nothing_left(self, app, before, settings):
        self.assertEqual([app.raw(name) for name in ("organizations", "freelancer_profiles", "job_items")], [[], [], []])
        self.assertEqual(app.new_vectors(), {})
        self.assertEqual((app.pointer(), app.raw("settings"), app.is_fenced()), ("letters", settings, False))
        self.assert_untouched(before, app)

    def cut_over(self):
        app = self.application()
        app.migrate()
        return app

    def test_revert(self):
        start = self.cut_over()
        app = self.kill_everywhere(start, "revert", "--yes")
        self.assertEqual(self.pointers(app), ("letters", SETTINGS))

    def test_revert_that_carries_back_what_the_application_wrote(self):
        start = self.cut_over()
        items = {d["_id"]: d for d in start.documents("job_items")}
        start.write("job_items", lambda d: {**d, "title": "Written on the new side"}, lambda d: isinstance(d["_id"], int), count=20)
        start.write("job_items", lambda _: None, lambda d: isinstance(d["_id"], float), count=10)
        start.write("job_items", lambda d: {**d, "client": 7}, lambda d: isinstance(d["_id"], str), count=5)  # maps to nothing
        for number in range(10):
            source_id = f"new {number}"
            start.put_row("job_items", {**items["job 1"], "_id": source_id, "item_id": item_id(source_id), "embedding_id": None, "is_embedded": False})
        app = self.kill_everywhere(start, "revert", "--yes", source_stands=False)
        jobs = {d["_id"]: d for d in app.documents("jobs")}
        self.assertEqual(sum(d["title"] == "Written on the new side" for d in jobs.values()), 20)
        self.assertEqual(sum(isinstance(key, float) for key in jobs), sum(isinstance(key, float) for key in items) - 10)
        self.assertEqual(self.pointers(app), ("letters", SETTINGS))

    def test_rollback(self):
        start = self.application()
        before, settings = start.legacy(), start.raw("settings")
        start.migrate()
        self.assert_nothing_left(self.kill_everywhere(start, "rollback", "--all", "--yes"), before, settings)

    def test_retire_and_its_undo(self):
        start = self.cut_over()
        before = start.legacy()
        retired = self.kill_everywhere(start, "retire", "--yes", source_stands=False, **A_DAY_LATER)
        self.assertEqual((retired.raw("jobs"), retired.vectors("letters")), ([], {}))
        self.assertEqual([name for name in retired.collections() if name.startswith("rehome_retired")], [])
        back = self.kill_everywhere(retired, "rollback", "--phase", "5", "--yes", source_stands=False, **A_DAY_LATER)
        self.assert_untouched(before, back)
        self.assertEqual(back.status()["state"], "cut_over")


def summary(value):
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, (list, dict)) else repr(value)


if __name__ == "__main__":
    harness.main()
