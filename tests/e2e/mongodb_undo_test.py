"""Back to the old side of a MongoDB application, and the end of that side: with the tests of SQLite, and a count that nothing is lost."""
import json

import bson

import harness
import retire_test
import revert_test
from harness import tearDownModule  # noqa: F401
from mongodb_application import Case, leave_out
from small_application import MANY_TENANTS, export_line, item_id, jobs

COUNT = 200


class RevertOnMongoDB(Case, revert_test.Revert):
    pass


class RetireOnMongoDB(Case, retire_test.Retire):
    pass


# Nothing can fence a collection of mongo-java-server.
leave_out(RetireOnMongoDB, "test_the_fence_stops_the_old_applications_writes")


class NothingIsLost(Case):
    """A day on the new side: some of each kind of write, each with a mark of its own, all looked for afterwards."""

    def busy_day(self):
        """(application, marks that must survive, ids of items that the application deleted)"""
        app = self.small(count=COUNT, tenants=MANY_TENANTS)
        app.migrate("--online")
        marks, deleted = set(), set()
        for number, document in enumerate(jobs(COUNT)):
            kind, identity, mark = number % 10, item_id(document["_id"]), f"mark-{number:04d}-"
            if kind == 0:
                app.change("job_items", document["_id"], title=mark)
            elif kind == 1:
                app.change("job_items", document["_id"], client=mark, topics=[mark + "topic"])
                marks.add(mark + "topic")
            elif kind == 2:
                app.change("job_items", document["_id"], rating=mark)
            elif kind == 3:
                app.delete("job_items", document["_id"])
                deleted.add(identity)
                continue
            elif kind == 4:
                new = bson.ObjectId(f"{number:024x}"[::-1])
                app.insert("job_items", {"_id": new, "item_id": item_id(new), "org_id": "org_cord", "profile_id": "prof_cleo", "client": "Delta",
                                         "title": mark, "topics": [], "is_embedded": False, "embedding_id": None})
            else:
                continue
            marks.add(mark)
        with app.index() as index:  # the application takes a deleted item's vector away too
            for namespace in app.new_namespaces(index):
                index.delete(namespace, sorted(deleted))
        return app, marks, deleted

    def kept(self, app):
        """All that stands in the legacy collection and in files that were saved."""
        texts = [export_line(document) for document in app.documents("jobs")]
        texts += [file.read_text() for file in (app.dir / "backups").glob("saved-*")]
        return "\n".join(texts)

    def assert_nothing_lost(self, app, marks, deleted):
        kept = self.kept(app)
        self.assertEqual({mark for mark in marks if mark not in kept}, set())
        present = {item_id(d["_id"]) for d in app.documents("jobs")}
        self.assertEqual(present & deleted, set(), "deleted on the new side, and back again")
        originals = {item_id(d["_id"]): d for d in jobs(COUNT)}
        self.assertEqual(set(originals) - present, deleted)
        saved = [json.loads(line) for file in (app.dir / "backups").glob("saved-*") for line in file.read_text().splitlines()]
        for identity in deleted:  # what they were stands in the file
            self.assertIn(originals[identity]["title"], json.dumps(saved, ensure_ascii=False))

    def test_after_revert(self):
        app, marks, deleted = self.busy_day()
        app.run("revert", "--yes")
        self.assert_nothing_lost(app, marks, deleted)
        self.assertEqual((app.pointer(), app.status()["state"]), ("letters", "migrated"))
        app.verify()

    def test_after_rollback_of_all(self):
        app, marks, deleted = self.busy_day()
        app.run("rollback", "--all", "--yes")
        self.assert_nothing_lost(app, marks, deleted)
        self.assertEqual((app.pointer(), app.raw("job_items"), app.new_vectors()), ("letters", [], {}))

    def test_after_retire_and_rollback_of_all(self):
        app, marks, deleted = self.busy_day()
        app.at(25, "retire", "--yes")
        self.assertNotIn("jobs", app.collections())
        app.at(26, "rollback", "--all", "--yes")
        self.assert_nothing_lost(app, marks, deleted)

    def test_after_revert_that_was_killed_again_and_again(self):
        app, marks, deleted = self.busy_day()
        for number in range(4):
            app.stop_after(0.1 + 0.15 * number, "revert", "--yes", by=9)
        app.run("revert", "--yes")
        self.assert_nothing_lost(app, marks, deleted)
        app.verify()


if __name__ == "__main__":
    harness.main()
