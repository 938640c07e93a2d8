"""The cutover dies while the application writes: the fence never stays up unsaid, and every accepted write survives."""

import harness
from harness import DONE, INTERRUPTED, tearDownModule  # noqa: F401
from killing import Undisturbed, kill_at

import online_test

COUNT = 300
SLICES = 5


class CutoverKilled(online_test.Online):
    """Its writer goes on until the fence refuses it; what the file accepted is what must be there afterwards."""

    def moments(self):
        app = self.application(count=COUNT)
        app.migrate("--online", "--through", "3")
        seconds = Undisturbed(app, "cutover", "--yes").stretches[-1]
        return [(seconds[0], seconds[1] * (n + 0.5) / SLICES) for n in range(SLICES)]

    def killed(self, mark, seconds):
        app = self.application(count=COUNT)
        app.migrate("--online", "--through", "3")
        with self.writer(app, pause_s=0.001) as writer:
            kill_at(app, mark, seconds, "cutover", "--yes")
            answer = app.run("status", "--json")
            if app.is_fenced() and answer.json["state"] != "cut_over":
                self.assertIn("ATTENTION", answer.err)
        return app, writer

    def test_going_on_completes_it_or_puts_it_back_and_tries_again(self):
        for mark, seconds in self.moments():
            with self.subTest(seconds=round(seconds, 3)):
                app, writer = self.killed(mark, seconds)
                for _ in range(5):
                    if app.migrate("--online", expect=(DONE, INTERRUPTED)).exit == DONE:
                        break
                self.assertEqual((app.status()["state"], app.pointer(), app.is_fenced()), ("cut_over", "jobs_acme", True))
                self.assert_new_side_is(app, writer.documents.values())
                app.verify()

    def test_reverting_puts_it_back_and_the_application_writes_again(self):
        for mark, seconds in self.moments():
            with self.subTest(seconds=round(seconds, 3)):
                app, writer = self.killed(mark, seconds)
                app.run("revert", "--yes")
                self.assertEqual((app.pointer(), app.is_fenced()), ("letters", False))
                self.assertEqual({d["title"] for d in app.documents("jobs")}, {d["title"] for d in writer.documents.values()})
                app.change("jobs", app.documents("jobs")[0]["_id"], title="Written again")
                app.migrate("--online")
                self.assert_new_side_is(app, app.documents("jobs"))
                app.verify()

    def test_a_pause_over_its_budget_is_put_back(self):
        app = self.application(count=COUNT, write_pause_max="1ms")
        answer = app.migrate("--online", expect=INTERRUPTED)
        self.assert_error(answer, "write_pause_max")
        self.assertEqual((app.pointer(), app.is_fenced(), app.status()["fence"]), ("letters", False, None))
        app.contents["cutover"]["write_pause_max"] = "10s"
        app.write_plan()
        app.migrate("--online")
        self.assertEqual((app.pointer(), app.is_fenced()), ("jobs_acme", True))
        app.verify()


# What the base class tests is tested where it stands.
for name in [name for name in dir(online_test.Online) if name.startswith("test_")]:
    setattr(CutoverKilled, name, None)

if __name__ == "__main__":
    harness.main()
