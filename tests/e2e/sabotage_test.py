"""Each planted corruption is named exactly: its class, its id, and nothing else.

Documents are edited with SQL, vectors over HTTP: past rehome, as a faulty program or a careless hand would do it.
"""
from bson import json_util

import harness
from harness import CHECK_FAILED, tearDownModule  # noqa: F401
from small_application import DIMENSION, MANY_TENANTS, Case, item_id, sqlite_key

COUNT = 40


class Sabotage(Case):
    maxDiff = 2000

    def setUp(self):
        cutover = {"env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "50ms"}
        self.application = self.small(count=COUNT, tenants=MANY_TENANTS, cutover=cutover)
        self.application.migrate("--through", "3")
        self.victim = next(d for d in self.application.documents("job_items") if d["org_id"] == "org_bolt" and isinstance(d["_id"], str))
        self.home = "jobs_bolt"

    def findings(self, *arguments):
        """{(check, class, id)} of a verification that must fail."""
        report = self.application.verify(*arguments, expect=CHECK_FAILED)
        return {(check["check"], one["class"], one["id"]) for check in report["checks"] for one in check["discrepancies"]}

    def assert_named(self, expected, found=None):
        """Every expected finding is there, and nobody but the victims is named."""
        found = self.findings() if found is None else found
        self.assertLessEqual(expected, found, found)
        self.assertEqual({one[2] for one in found}, {one[2] for one in expected}, found)

    def edit_item(self, change):
        self.application.write("job_items", change, lambda d: d["_id"] == self.victim["_id"])

    @property
    def identity(self):
        return self.victim["item_id"]

    def test_untouched_it_passes(self):
        self.application.verify()

    def test_a_lost_item(self):
        self.application.delete("job_items", self.victim["_id"])
        self.assert_named({("digests", "missing", self.identity), ("orphans", "extra", self.identity)})

    def test_a_dropped_field(self):
        self.edit_item(lambda d: {k: v for k, v in d.items() if k != "topics"})
        self.assert_named({("digests", "differing", self.identity)})

    def test_an_added_field(self):
        self.edit_item(lambda d: {**d, "extra": 1})
        self.assert_named({("digests", "differing", self.identity)})

    def test_a_changed_number_type_and_field_order(self):
        """Equal for a database that compares values, not for one who compares bytes."""
        self.edit_item(lambda d: dict(reversed(d.items())))
        self.assert_named({("digests", "differing", self.identity)})

    def test_a_wrong_organization(self):
        self.edit_item(lambda d: {**d, "org_id": "org_acme"})
        self.assert_named({("digests", "misplaced", self.identity)})

    def test_a_profile_of_another_organization(self):
        self.edit_item(lambda d: {**d, "profile_id": "prof_ann"})
        self.assert_named({("digests", "misplaced", self.identity), ("tenants", "misplaced", self.identity)})

    def test_an_item_without_a_source(self):
        self.application.put_row("job_items", {**self.victim, "_id": "job 999", "item_id": "job_s~job%20999", "embedding_id": "job_s~job%20999"})
        self.assert_named({("digests", "extra", "job_s~job%20999"), ("orphans", "missing", "job_s~job%20999")})

    def test_an_item_twice(self):
        self.application.put_row("job_items", {**self.victim, "_id": "job 999"})
        found = self.findings()
        self.assertTrue({one for one in found if one[1] == "duplicate" and one[2] == self.identity}, found)
        self.assertEqual({one[2] for one in found}, {self.identity})

    def test_a_mark_taken_away(self):
        self.edit_item(lambda d: {**d, "is_embedded": False, "embedding_id": None})
        found = self.findings()
        self.assertEqual({one[2] for one in found}, {self.identity}, found)

    def test_a_mark_of_another_vector(self):
        self.edit_item(lambda d: {**d, "embedding_id": "job_n~2"})
        found = self.findings()
        self.assertEqual({one[2] for one in found}, {self.identity}, found)

    def vector(self, index):
        return index.vectors(self.home)[self.identity]

    def replant(self, namespace=None, **changes):
        """The victim's vector with some of it changed, in its own namespace or in another one."""
        with self.application.index() as index:
            record = self.vector(index)
            metadata = {**record["metadata"], **changes.pop("metadata", {})}
            index.upsert(namespace or self.home, [{**record, "metadata": metadata, **changes}])

    def test_a_deleted_vector(self):
        with self.application.index() as index:
            index.delete(self.home, [self.identity])
        self.assert_named({("orphans", "missing", self.identity)})

    def test_a_vector_moved_to_another_tenant(self):
        self.replant("jobs_acme")
        with self.application.index() as index:
            index.delete(self.home, [self.identity])
        self.assert_named({("orphans", "misplaced", self.identity)})

    def test_a_vector_in_a_second_namespace_too(self):
        self.replant("jobs_acme")
        found = self.findings()
        self.assertEqual({one[2] for one in found}, {self.identity}, found)
        self.assertTrue({one[1] for one in found} & {"misplaced", "duplicate"}, found)

    def test_a_vector_in_a_namespace_that_the_template_could_give_to_anybody(self):
        self.replant("jobs_somebody")
        found = self.findings()
        self.assertEqual({one[2] for one in found}, {self.identity}, found)

    def test_an_orphan_vector(self):
        self.replant(id="job_s~nobody", metadata={"item_id": "job_s~nobody"})
        self.assert_named({("orphans", "extra", "job_s~nobody")})

    def test_a_vector_of_another_contract(self):
        self.replant(metadata={"rehome_contract": "0" * 64})
        self.assert_named({("vectors", "stale", self.identity)})

    def test_a_vector_of_another_text(self):
        self.replant(metadata={"rehome_text": "0" * 32})
        self.assert_named({("vectors", "stale", self.identity)})

    def test_changed_values(self):
        self.replant(values=[0.25] * DIMENSION)
        self.assert_named({("vectors", "differing", self.identity)})

    def test_values_changed_by_one_bit_of_one_float(self):
        with self.application.index() as index:
            values = self.vector(index)["values"]
        place = max(range(DIMENSION), key=lambda n: abs(values[n]))
        values[place] *= 1 + 2 ** -22
        self.replant(values=values)
        self.assert_named({("vectors", "differing", self.identity)})

    def test_two_vectors_with_their_values_swapped(self):
        with self.application.index() as index:
            records = index.vectors(self.home)
            other = next(i for i in records if i != self.identity and records[i]["values"] != records[self.identity]["values"])
            one, two = records[self.identity], records[other]
            index.upsert(self.home, [{**one, "values": two["values"]}, {**two, "values": one["values"]}])
        self.assert_named({("vectors", "differing", self.identity), ("vectors", "differing", other)})

    def test_edited_metadata(self):
        self.replant(metadata={"client": "Somebody Else"})
        self.assert_named({("vectors", "differing", self.identity)})

    def test_metadata_of_another_tenant(self):
        self.replant(metadata={"org_id": "org_acme"})
        found = self.findings()
        self.assertEqual({one[2] for one in found}, {self.identity}, found)
        self.assertTrue({("vectors", "differing", self.identity), ("vectors", "misplaced", self.identity)} & found, found)

    def test_a_deleted_organization(self):
        self.application.delete("organizations", "org_bolt")
        self.assert_named({("tenants", "missing", "org_bolt")})

    def test_an_edited_organization(self):
        self.application.change("organizations", "org_bolt", slug="acme")
        self.assert_named({("tenants", "differing", "org_bolt")})

    def test_a_deleted_profile(self):
        self.application.delete("freelancer_profiles", "prof_bea")
        self.assert_named({("tenants", "missing", "prof_bea")})

    def test_a_source_deleted_past_the_feed(self):
        with self.application.sqlite(write=True) as db:
            for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '$:feed:%'").fetchall():
                db.execute(f'DROP TRIGGER "{trigger}"')
        self.application.delete("jobs", self.victim["_id"])
        self.assert_named({("digests", "extra", self.identity)})

    def test_an_edited_audit_entry(self):
        entry = self.application.documents("rehome_audit")[2]
        self.application.write("rehome_audit", lambda d: {**d, "detail": "nothing happened"}, lambda d: d["_id"] == entry["_id"])
        found = self.findings()
        self.assertEqual({one[0] for one in found}, {"audit"}, found)

    def test_a_missing_audit_entry(self):
        entry = self.application.documents("rehome_audit")[2]
        self.application.delete("rehome_audit", entry["_id"])
        self.assertEqual({one[0] for one in self.findings()}, {"audit"})

    def test_a_quarantine_record_lost(self):
        app = self.application
        app.contents["items"]["quarantine_max"] = 3
        app.write_plan()
        app.change("jobs", self.victim["_id"], title=7)
        app.migrate("--through", "3", "--online")
        app.verify()
        with app.sqlite(write=True) as db:
            db.execute("DELETE FROM rehome_quarantine")
        found = self.findings()
        self.assertIn("counts", {one[0] for one in found} | self.failed_checks())
        self.assertIn(json_util.dumps(self.victim["_id"]), {one[2] for one in found})

    def failed_checks(self):
        return {c["check"] for c in self.application.verify(expect=CHECK_FAILED)["checks"] if not c["passed"]}

    def test_a_pointer_edited_after_the_cutover(self):
        self.application.migrate()
        self.application.verify()
        self.application.env_file.write_text(self.application.env_file.read_text().replace("jobs_acme", "letters"))
        found = self.findings()
        self.assertEqual({one[0] for one in found}, {"pointers"}, found)

    def test_what_the_application_changes_after_the_cutover_is_told_and_does_not_fail(self):
        self.application.migrate()
        self.edit_item(lambda d: {**d, "topics": ["new"]})
        checks = self.application.verify(expect=None)["checks"]
        classes = {one["class"] for check in checks for one in check["discrepancies"] if one["id"] == self.identity and check["check"] == "digests"}
        self.assertEqual(classes, {"changed_after_cutover"})

    def test_a_key_column_that_does_not_fit_its_document(self):
        """A row moved under another key: the store's own order is broken, and the document is not where its id says."""
        with self.application.sqlite(write=True) as db:
            key, encoded = sqlite_key("job 998")
            db.execute("UPDATE job_items SET key = ?, id = ? WHERE key = ?", (key, encoded, sqlite_key(self.victim["_id"])[0]))
        self.application.run("verify", expect=CHECK_FAILED)


if __name__ == "__main__":
    harness.main()
