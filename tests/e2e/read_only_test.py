"""What only looks writes nothing: no file, no lock, no byte, nowhere."""
import harness
from harness import DONE, REFUSED, tearDownModule  # noqa: F401


class ReadOnlyVerbs(harness.Case):
    def assert_writes_nothing(self, app, *args, expect=DONE):
        before = harness.digests(app.root)
        app.run(*args, expect=expect)
        self.assertEqual(harness.digests(app.root), before, args)

    def test_before_a_run(self):
        app = self.loaded()
        for args in (["check"], ["plan"], ["run", "--dry-run"], ["plan", "--json"], ["status"], ["status", "--json"],
                     ["backup", "list"], ["--version"], ["--help"]):
            self.assert_writes_nothing(app, *args)

    def test_before_anything_was_loaded(self):
        app = self.app()
        self.assert_writes_nothing(app, "status")
        self.assert_writes_nothing(app, "plan", expect=None)
        self.assert_writes_nothing(app, "check", expect=None)

    def test_verbs_that_need_a_phase_refuse_without_a_trace(self):
        app = self.loaded()
        self.assert_writes_nothing(app, "verify", expect=REFUSED)
        self.assert_writes_nothing(app, "cutover", "--dry-run", expect=REFUSED)
        self.assert_writes_nothing(app, "quarantine", "list", expect=REFUSED)

    def test_between_phases(self):
        app = self.ran(through=2)
        for args in (["check"], ["plan"], ["status"], ["verify", "--phase", "backup"], ["explain", item_id(app)],
                     ["quarantine", "list"], ["backup", "verify"]):
            self.assert_writes_nothing(app, *args)

    def test_before_cutover(self):
        app = self.ran(through=3)
        for args in (["check"], ["plan"], ["status"], ["cutover", "--dry-run"], ["explain", item_id(app)],
                     ["backup", "list"]):
            self.assert_writes_nothing(app, *args)

    def test_after_cutover(self):
        app = self.ran()
        for args in (["check"], ["plan"], ["status"], ["explain", item_id(app)], ["quarantine", "list"], ["cutover", "--dry-run"]):
            self.assert_writes_nothing(app, *args)

    def test_verify_writes_its_own_progress_at_most(self):
        """verify may journal its progress; what it judges and the application's files it leaves alone."""
        app = self.ran()
        outcome = app.outcome()
        files = harness.digests(app.dir / "backups", app.dir / "vectors", app.root / "home")
        app.run("verify")
        self.assertEqual(harness.digests(app.dir / "backups", app.dir / "vectors", app.root / "home"), files)
        self.assertTrue(app.outcome() == outcome)

    def test_a_declined_question_changes_nothing(self):
        """Off a terminal nobody can be asked: without --yes every verb that changes something refuses first."""
        app = self.ran(through=3)
        before = harness.digests(app.root)
        for args in (["run"], ["cutover"], ["revert"], ["rollback", "--all"], ["rollback", "--phase", "2"], ["retire"],
                     ["vectors", "clear", "--namespace", harness.NEW_NAMESPACE],
                     ["vectors", "reembed", "--namespace", harness.NEW_NAMESPACE], ["backup", "restore"],
                     ["quarantine", "replay"], ["load", "--from", str(harness.any_data())]):
            answer = app.run(*args, expect=harness.USAGE)
            self.assertIn("--yes", answer.err, args)
            self.assertEqual(harness.digests(app.root), before, args)


def item_id(app):
    return app.documents(harness.ITEMS)[0]["item_id"]


if __name__ == "__main__":
    harness.main()
