"""`load`, `backup create` and `backup restore` die: said again, they end where they would have."""
import shutil

import harness
from harness import tearDownModule  # noqa: F401
from killing import Undisturbed, finish, kill_at
from small_application import Case

COUNT = 3000
KILLS = 6


class LoadKilled(Case):
    def application(self):
        app = self.small(loaded=False, count=COUNT)
        app.export()
        return app

    def killed_again_and_again(self, app, prepare, *arguments):
        """Kills the command at KILLS moments of its time, each on what `prepare` leaves. Yields after each end."""
        prepare()
        seconds = Undisturbed(app, *arguments).seconds
        yield
        for kill in range(KILLS):
            with self.subTest(command=" ".join(arguments), kill=kill):
                prepare()
                kill_at(app, None, seconds * (kill + 0.5) / KILLS, *arguments)
                finish(app, *arguments)
                yield

    @staticmethod
    def empty(app):
        for file in app.dir.glob("app.db*"):
            file.unlink()
        shutil.rmtree(app.dir / "vectors", ignore_errors=True)

    def test_load(self):
        app, ends = self.application(), []
        for _ in self.killed_again_and_again(app, lambda: self.empty(app), "load", "--from", "export", "--yes"):
            ends.append(app.legacy())
        self.assertEqual(len(ends[0]["jobs"]), COUNT)
        self.assertTrue(all(end == ends[0] for end in ends))

    def test_backup_restore(self):
        app = self.application()
        app.run("load", "--from", "export", "--yes")
        before = app.legacy()
        app.run("backup", "create")
        for _ in self.killed_again_and_again(app, lambda: self.empty(app), "backup", "restore", "--yes"):
            self.assert_untouched(before, app)

    def test_backup_create_leaves_none_that_looks_whole_and_is_not(self):
        app = self.application()
        app.run("load", "--from", "export", "--yes")
        for _ in self.killed_again_and_again(app, lambda: shutil.rmtree(app.dir / "backups", ignore_errors=True), "backup", "create"):
            for backup in app.json("backup", "list")["backups"]:
                app.run("backup", "verify", "--dir", backup)


if __name__ == "__main__":
    harness.main()
