"""Whatever of the planted corruptions can be mended from the source of truth is mended by one command, and verify is clean
after it; what was changed is saved first; what is foreign stays and is named."""
import itertools
import json
import re

import bson

import harness
from harness import CHECK_FAILED, DONE, REFUSED, USAGE, tearDownModule  # noqa: F401
from planting import COUNT, Planted, add_tests, found_in
from small_application import Case, sqlite_key


class Repair(Planted):
    def repair(self, expect=DONE):
        return self.application.json("repair", "--yes", expect=expect)

    def test_nothing_to_repair_is_said_and_changes_nothing(self):
        self.at_stage("migrated")
        before = self.application.outcome()
        report = self.repair()
        self.assertTrue(report["nothing_to_do"] and report["passed"])
        self.assertEqual(self.application.outcome(), before)

    def test_a_source_that_is_gone_is_no_order_to_delete(self):
        app = self.small(count=12, documents={"source": "sqlite:old.db", "target": "sqlite:new.db"})
        app.migrate("--through", "3", "--online")
        for gone in (lambda: (app.dir / "old.db").rename(app.dir / "unmounted.db"), lambda: (app.dir / "old.db").write_bytes(b"")):
            gone()
            answer = app.run("repair", "--yes", expect=REFUSED)
            self.assert_error(answer, "nothing was changed")
            self.assertEqual(len(app.documents("job_items", "new.db")), 12)
        (app.dir / "unmounted.db").rename(app.dir / "old.db")
        self.assertTrue(app.json("repair", "--yes")["nothing_to_do"])

    def test_items_that_are_gone_are_no_order_to_delete_their_vectors(self):
        self.at_stage("cutover")
        app = self.application
        app.write("job_items", lambda _: None, count=COUNT)
        vectors = app.new_vectors()
        self.assert_error(app.run("repair", "--yes", expect=REFUSED), "nothing was changed")
        self.assertEqual(app.new_vectors(), vectors)

    def test_a_document_that_cannot_be_read_any_more_is_named_with_the_way_past_it(self):
        """On either side: the row is taken out as the message says, and written anew by the command that it names."""
        self.at_stage("migrated")
        app = self.application
        before = app.outcome()
        mends = {"job_items": ["repair", "--yes"],
                 "jobs": ["backup", "restore", "--collections", "jobs", "--only", "documents", "--yes"]}
        damages = {"cut off": lambda stored: stored[:-3], "without an _id": lambda stored: stored.replace(b"_id", b"_hd", 1)}
        key = sqlite_key(self.victim["_id"])[0]
        for collection, how in itertools.product(mends, damages):
            with self.subTest(collection=collection, how=how), app.sqlite(write=True) as db:
                [stored] = db.execute(f"SELECT document FROM {collection} WHERE key = ?", (key,)).fetchone()
                db.execute(f"UPDATE {collection} SET document = ? WHERE key = ?", (damages[how](stored), key))
                db.commit()
                for verb in (["verify"], ["repair", "--yes"]):
                    answer = app.run(*verb, expect=CHECK_FAILED)
                    self.assert_error(answer, f"collection {collection}: ", self.victim["_id"] if how == "cut off" else "it has no _id")
                    statement = re.search(r'"(DELETE FROM )COLLECTION( .*?)"', answer.err)
                db.execute(statement[1] + collection + statement[2])
                db.commit()
                app.run(*mends[collection])
                self.assertTrue(app.json("verify")["passed"])
                self.assertEqual(app.outcome(), before)

    def test_a_document_that_says_another_id_than_its_row_is_named_with_the_way_past_it(self):
        for collection in ("job_items", "jobs"):
            with self.subTest(collection):
                self.at_stage("migrated")
                app = self.application
                key = sqlite_key(self.victim["_id"])[0]
                with app.sqlite(write=True) as db:
                    [stored] = db.execute(f"SELECT document FROM {collection} WHERE key = ?", (key,)).fetchone()
                    other = bson.encode({**bson.decode(stored), "_id": "another"})
                    db.execute(f"UPDATE {collection} SET document = ? WHERE key = ?", (other, key))
                answer = app.run("verify", expect=CHECK_FAILED)
                self.assertIn("another", answer.out)
                self.assert_error(app.run("repair", "--yes", expect=CHECK_FAILED), '"another"', "take that row out")

    def test_it_asks_first(self):
        self.at_stage("migrated")
        self.application.run("repair", expect=USAGE)

    def test_a_plan_that_never_ran_has_nothing_to_repair(self):
        app = self.small(count=3)
        answer = app.run("repair", "--yes", expect=REFUSED)
        self.assert_error(answer, "phase 0")

    def test_what_was_changed_is_saved_before_it_is_replaced(self):
        self.at_stage("migrated")
        self.edit_item(lambda d: {**d, "title": "somebody's own words"})
        self.replant(metadata={"client": "somebody's own client"})
        self.application.change("organizations", "org_bolt", slug="their-own")
        before = self.application.json("status")
        report = self.repair()
        saved = (self.application.dir / report["saved"]).read_text()
        for words in ("somebody's own words", "somebody's own client", "their-own"):
            self.assertIn(words, saved)
            self.assertTrue(any(words in json.dumps(d, default=str) for d in self.application.documents("rehome_saved")), words)
        after = self.application.json("status")
        self.assertEqual([p["digest"] for p in before["restore_points"]], [p["digest"] for p in after["restore_points"]])
        self.assertNotEqual(before["audit_head"], after["audit_head"])

    def test_many_at_once(self):
        self.at_stage("migrated")
        expected = self.application.outcome()
        self.application.write("job_items", lambda d: {**d, "topics": ["lost"]}, lambda d: d["org_id"] == "org_cord")
        self.application.write("job_items", lambda _: None, lambda d: d["org_id"] == "org_bolt")
        with self.application.index() as index:
            index.delete("jobs_acme", index.ids("jobs_acme"))
        self.application.delete("organizations", "org_acme")
        self.repair()
        self.assertEqual(self.application.outcome(), expected)

    def test_what_a_feed_named_is_carried_and_not_taken_for_damage(self):
        self.at_stage("migrated")
        self.application.change("jobs", self.victim["_id"], title="a newer title")
        report = self.repair()
        self.assertTrue(report["passed"])
        self.assertEqual(self.application.document("job_items", self.victim["_id"])["title"], "a newer title")
        self.assertFalse(report["saved"])

    def test_killed_in_the_middle_it_is_repeated(self):
        self.at_stage("migrated")
        expected = self.application.outcome()
        for share in range(6):
            self.application.write("job_items", lambda d: {**d, "title": "wrong"}, lambda d: d["org_id"] == "org_cord")
            self.application.stop_after(0.02 + 0.05 * share, "repair", "--yes", by=harness.signal.SIGKILL)
        self.repair()
        self.assertEqual(self.application.outcome(), expected)


def mend(test, expected, mended):
    if mended is True:
        report = test.repair()
        test.assertEqual(report["left"], [])
        test.application.verify()
        return
    report = test.repair(expect=CHECK_FAILED)
    test.assertTrue(report["left"], report)
    if mended == "foreign":
        test.assertTrue(any("was not written by this run" in one for one in report["left"]), report["left"])
    still = found_in(test.application.verify(expect=CHECK_FAILED))
    test.assertEqual({one[2] for one in still}, {one[2] for one in expected})


add_tests(Repair, "is_mended_or_left", mend)

if __name__ == "__main__":
    harness.main()
