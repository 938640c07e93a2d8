"""Several at work on one MongoDB application: runners, programs that write on the target, rehearsals beside production, stamps."""
import os
import signal

import bson

import harness
import runners_test
from harness import CHECK_FAILED, DONE, REFUSED, tearDownModule  # noqa: F401
from mongodb_application import Case
from small_application import MANY_TENANTS, item_id, jobs

COUNT = 200


class RunnersOnMongoDB(Case, runners_test.Runners):
    count = 500  # this server is slower than a file

    @staticmethod
    def stop_between_transactions(app, runner):
        os.kill(runner, signal.SIGSTOP)  # a server lets nobody wait for it


class ForeignWrites(Case):
    """Somebody else writes into the new collections before the cutover."""

    def migrated(self):
        app = self.small(count=COUNT, tenants=MANY_TENANTS)
        app.migrate("--online", "--through", "3")
        return app

    def assert_blocks(self, app, *named):
        answer = app.migrate("--online", expect=(CHECK_FAILED, REFUSED))
        self.assertEqual((app.pointer(), app.status()["state"] == "cut_over"), ("letters", False))
        report = app.verify(expect=CHECK_FAILED)
        ids = {one["id"] for check in report["checks"] for one in check["discrepancies"]}
        for identity in named:
            self.assertIn(identity, ids, str(answer))

    def test_a_changed_item_is_named_and_blocks(self):
        app = self.migrated()
        app.change("job_items", "job 1", title="By somebody else")
        self.assert_blocks(app, item_id("job 1"))

    def test_a_deleted_item_is_named_and_blocks(self):
        app = self.migrated()
        app.delete("job_items", "job 1")
        self.assert_blocks(app, item_id("job 1"))

    def test_an_added_item_of_a_tenant_of_ours_is_named_and_blocks(self):
        app = self.migrated()
        new = bson.ObjectId("e" * 24)
        app.insert("job_items", {**app.document("job_items", "job 1"), "_id": new, "item_id": item_id(new), "embedding_id": item_id(new)})
        self.assert_blocks(app, item_id(new))

    def test_another_organizations_item_is_left_alone(self):
        app = self.migrated()
        foreign = {"_id": bson.ObjectId("e" * 24), "item_id": "theirs", "org_id": "org_other", "profile_id": "prof_other", "x": 1}
        app.insert("organizations", {"_id": "org_other", "org_id": "org_other", "slug": "other"})
        app.insert("freelancer_profiles", {"_id": "prof_other", "profile_id": "prof_other", "org_id": "org_other"})
        app.insert("job_items", foreign)
        app.migrate("--online")
        self.assertEqual(app.status()["state"], "cut_over")
        app.verify()
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.documents("job_items"), [foreign])


class Stamped(Case):
    def application(self):
        app = self.small(count=30, stamp={"letters": {"org_id": "org_acme", "profile_id": "prof_ann"}})
        return app, app.raw("letters")

    def test_fields_are_added_in_place_and_taken_away_again(self):
        app, before = self.application()
        app.migrate()
        letters = app.documents("letters")
        self.assertEqual({(d["org_id"], d["profile_id"]) for d in letters}, {("org_acme", "prof_ann")})
        self.assertEqual([list(d)[:3] for d in letters], [["_id", "job", "text"]] * len(letters))
        app.verify()
        app.run("rollback", "--all", "--yes")
        self.assertTrue(app.raw("letters") == before)

    def test_killed_while_stamping(self):
        app, before = self.application()
        for number in range(4):
            app.stop_after(0.1 + 0.2 * number, "run", "--yes", by=9)
        app.migrate()
        self.assertEqual({d["org_id"] for d in app.documents("letters")}, {"org_acme"})
        app.run("rollback", "--all", "--yes")
        self.assertTrue(app.raw("letters") == before)

    def test_a_stamp_that_is_gone_is_named_and_set_again(self):
        app, _ = self.application()
        app.migrate("--through", "3")
        letters = app.collection("letters")
        identity = letters.find_one()["_id"]
        letters.update_one({"_id": identity}, {"$unset": {"org_id": ""}})
        named = app.json("verify", expect=CHECK_FAILED)
        self.assertEqual([(d["class"], d["field"]) for check in named["checks"] for d in check["discrepancies"]], [("pending", "org_id")])  # the feed names it
        app.run("repair", "--yes")
        self.assertEqual(letters.find_one({"_id": identity})["org_id"], "org_acme")

    def test_a_tenant_that_the_application_sets_itself_after_the_cutover_is_its_own(self):
        app, _ = self.application()
        app.migrate("--online")
        app.insert("letters", {"_id": "letter other", "job": "Write a shop", "org_id": "org_other", "profile_id": "prof_other"})
        app.insert("letters", {"_id": "letter plain", "job": "Write a shop"})
        app.migrate("--online")
        self.assertEqual(app.document("letters", "letter other")["org_id"], "org_other")
        self.assertEqual(app.document("letters", "letter plain")["org_id"], "org_acme")
        app.verify()

    def test_what_the_application_adds_meanwhile_is_stamped_too(self):
        app, _ = self.application()
        app.migrate("--online", "--through", "3")
        app.insert("letters", {"_id": "letter new", "job": "Write a shop", "text": "Dear client"})
        app.migrate("--online")
        self.assertEqual(app.document("letters", "letter new").get("org_id"), "org_acme")
        app.verify()


class Rehearsed(Case):
    def everything(self, app):
        """All that the server holds of it: documents, indexes, options."""
        database = app.side("jobs")
        return {"names": app.collections(), "documents": {name: app.raw(name) for name in app.collections()},
                "indexes": {name: list(database[name].list_indexes()) for name in sorted(app.collections())},
                "env": app.env_file.read_bytes(), "vectors": app.vectors("letters")}

    def test_leaves_the_source_as_it_was(self):
        app = self.small(count=COUNT, tenants=MANY_TENANTS)
        before = self.everything(app)
        answer = app.run("rehearse", expect=DONE)
        self.assertIn("phase", answer.text)
        self.assertEqual(self.everything(app) == before, True)

    def test_of_a_sample_of_a_running_application(self):
        app = self.small(count=COUNT, tenants=MANY_TENANTS)
        before = app.collections()
        app.run("rehearse", "--sample", "50")
        self.assertEqual(app.raw("jobs"), [bson.encode(d) for d in sorted_like(app, jobs(COUNT))])
        self.assertEqual(app.collections(), before)


def sorted_like(app, documents):
    """`documents` in the server's order of `_id`."""
    place = {repr(d["_id"]): n for n, d in enumerate(app.documents("jobs"))}
    return sorted(documents, key=lambda d: place[repr(d["_id"])])


if __name__ == "__main__":
    harness.main()
