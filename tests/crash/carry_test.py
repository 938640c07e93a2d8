"""The runner dies while it carries changes: moves between tenants, new texts, deletes, documents that map no more."""
import random

import harness
from harness import tearDownModule  # noqa: F401
from killing import finish, kill_at

import online_test
from small_application import jobs

COUNT = 400
KILLS = 8
CARRY = ("run", "--online", "--through", "3", "--yes")


class CarryKilled(online_test.Online):
    def changed(self):
        """An application after phase 3 whose documents were changed in every way since."""
        app = self.application(count=COUNT)
        app.contents["items"]["quarantine_max"] = COUNT
        app.write_plan()
        app.migrate("--through", "3", "--online")
        chance = random.Random(5)
        unmapped = []
        for document in chance.sample(jobs(COUNT), 160):
            source_id, what = document["_id"], chance.random()
            if what < 0.6:
                app.change("jobs", source_id, team="blue" if document.get("team") == "red" else "red")
            elif what < 0.8:
                app.change("jobs", source_id, title="Another title")
            elif what < 0.9:
                app.delete("jobs", source_id)
            else:
                app.change("jobs", source_id, title=None, client=None)
                unmapped.append(source_id)
        app.keep()
        return app, unmapped

    def test_whenever_it_dies_the_next_one_ends_where_it_would_have(self):
        app, unmapped = self.changed()
        clock = online_test.time.monotonic
        start = clock()
        app.run(*CARRY)
        seconds = clock() - start
        expected = app.outcome()
        for kill in range(KILLS):
            with self.subTest(kill=kill):
                app.rewind()
                kill_at(app, None, seconds * (kill + 0.5) / KILLS, *CARRY)
                kill_at(app, None, seconds * random.Random(kill).random(), *CARRY)
                finish(app, *CARRY)
                self.assertEqual(app.outcome() == expected, True)
                self.assert_new_side_is(app, [d for d in app.documents("jobs") if d["_id"] not in unmapped])
                app.verify()

    def test_a_document_that_moves_back_before_the_next_run(self):
        """The vector may stand in the namespace that its item never reached."""
        app, unmapped = self.changed()
        clock = online_test.time.monotonic
        start = clock()
        app.run(*CARRY)
        seconds = clock() - start
        for kill in range(KILLS // 2):
            with self.subTest(kill=kill):
                app.rewind()
                kill_at(app, None, seconds * (kill + 0.5) / (KILLS // 2), *CARRY)
                present = {str(d["_id"]) for d in app.documents("jobs")}
                originals = {str(d["_id"]): d for d in jobs(COUNT)}
                app.write("jobs", lambda d: originals[str(d["_id"])], lambda d: str(d["_id"]) in originals, count=len(present))
                finish(app, *CARRY)
                self.assert_new_side_is(app, app.documents("jobs"))
                app.verify()


# What the base class tests is tested where it stands.
for name in [name for name in dir(online_test.Online) if name.startswith("test_")]:
    setattr(CarryKilled, name, None)

if __name__ == "__main__":
    harness.main()
