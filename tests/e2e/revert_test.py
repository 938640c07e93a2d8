"""Back to the old side after the application wrote on the new one: what maps back stands in the legacy collection, what
does not stands in the file that is named; nothing is lost, and nothing else changes."""
import json

import bson

import harness
from harness import ITEMS, NEW_NAMESPACE, OLD_NAMESPACE, tearDownModule  # noqa: F401

NEWCOMER = bson.ObjectId("ffffffffffffffffffff0007")


def legacy_by_id(app):
    return {repr(document["_id"]): document for document in app.documents("training_data")}


class Revert(harness.Case):
    def test_without_writes_everything_is_as_before_the_cutover(self):
        app = self.ran()
        before = self.ran(through=3)
        legacy = app.legacy()
        app.run("revert", "--yes")
        self.assert_untouched(legacy, app)
        self.assertTrue(app.outcome() == before.outcome())
        self.assertEqual((app.status()["state"], app.status()["fence"]), ("migrated", None))

    def test_where_the_plan_wants_no_fence_none_is_named(self):
        app = self.ran(through=3)
        done = app.run("cutover", "--yes", "--set", "cutover.fence=none")
        self.assertIn("cut over; nothing paused the writes", done.out + done.err)
        self.assertEqual((app.status()["state"], app.status()["fence"]), ("cut_over", None))

    def test_what_maps_back_is_written_back(self):
        app = self.ran()
        legacy = legacy_by_id(app)
        changed, = app.write(ITEMS, lambda item: {**item, "portfolio_url": "https://new.example/after-cutover"},
                             where=lambda item: item["portfolio_url"])
        app.run("revert", "--yes")
        now = legacy_by_id(app)
        key = repr(changed["_id"])
        self.assertEqual(now[key]["portfolio_urls"][0], "https://new.example/after-cutover")
        # Only the field that the change concerns.
        without = {name: value for name, value in now[key].items() if name != "portfolio_urls"}
        self.assertEqual(without, {name: value for name, value in legacy[key].items() if name != "portfolio_urls"})
        self.assertEqual(list(now[key]), list(legacy[key]))
        del now[key], legacy[key]
        self.assertEqual(now, legacy)

    def test_every_kind_of_change_is_kept_somewhere(self):
        app = self.ran()
        changes = {
            "company_name": "Renamed Gmbh ☃",
            "skills": ["Cobol", "Fortran"],
            "industry": "Shipbuilding-after-cutover",
            "portfolio_url": "https://changed.example/x",
            "deliverables": ["A thing that no title gives", "Another-one-like-it"],
        }
        number = 0
        ids = {}
        for field, value in changes.items():
            number += 10
            chosen = app.documents(ITEMS)[number]["_id"]
            app.write(ITEMS, lambda item: {**item, field: value}, where=lambda item: item["_id"] == chosen)
            ids[field] = chosen
        answer = app.json("revert", "--yes")
        kept = json.dumps([document for document in map(repr, app.documents("training_data"))], ensure_ascii=False)
        kept += saved_lines(app)
        for field, value in changes.items():
            for part in value if isinstance(value, list) else [value]:
                self.assertIn(part, kept, f"{field}: {answer}")
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)

    def test_what_does_not_map_back_is_saved_and_named(self):
        app = self.ran()
        legacy = app.raw("training_data")
        changed, = app.write(ITEMS, lambda item: {**item, "extra_of_the_new_application": "irreplaceable"})
        answer = app.json("revert", "--yes")
        self.assertTrue(app.raw("training_data") == legacy)
        self.assertIn("irreplaceable", saved_lines(app))
        self.assertTrue(any("saved-" in sentence for sentence in answer["done"]), answer)
        # The legacy document leads again: its item is the mapping's.
        item, = (item for item in app.documents(ITEMS) if item["_id"] == changed["_id"])
        self.assertEqual(item, changed)

    def test_a_delete_deletes_the_legacy_document_after_saving_it(self):
        app = self.ran()
        victim, = app.write(ITEMS, lambda item: None)
        document = legacy_by_id(app)[repr(victim["_id"])]
        app.run("revert", "--yes")
        self.assertEqual(len(app.raw("training_data")), 100)
        self.assertNotIn(repr(victim["_id"]), legacy_by_id(app))
        self.assertIn(document["job_title"], saved_lines(app))

    def test_the_applications_own_vector_is_saved_before_it_is_embedded_anew(self):
        app = self.ran()
        changed, = app.write(ITEMS, lambda item: {**item, "company_name": "Renamed and embedded"})
        own = {"id": changed["item_id"], "values": [0.125] * 384, "metadata": {"by": "the application itself"}}
        with app.index() as index:
            index.upsert(NEW_NAMESPACE, [own])
        app.run("revert", "--yes")
        self.assertIn("the application itself", saved_lines(app))
        self.assertTrue(app.json("verify")["passed"])

    def test_an_insert_is_written_back_or_saved(self):
        app = self.ran()
        item = {"_id": NEWCOMER, "item_id": f"port_{NEWCOMER}", "org_id": "org_default", "profile_id": "prof_default",
                "company_name": "Newborn Inc", "deliverables": ["SEO audit"], "skills": ["SEO"], "portfolio_url": None,
                "industry": "Media", "is_embedded": False, "embedding_id": None}
        app.insert(ITEMS, item)
        app.run("revert", "--yes")
        kept = repr(legacy_by_id(app).get(repr(NEWCOMER))) + saved_lines(app)
        self.assertIn("Newborn Inc", kept)

    def test_other_organizations_items_are_left_alone(self):
        app = self.ran()
        foreign = {"_id": NEWCOMER, "item_id": "theirs", "org_id": "org_other", "x": 1}
        app.insert(ITEMS, foreign)
        legacy = app.legacy()
        app.run("revert", "--yes")
        self.assert_untouched(legacy, app)
        self.assertIn(foreign, app.documents(ITEMS))

    def test_cut_over_again_after_a_revert_with_writes(self):
        app = self.ran()
        chosen = app.documents(ITEMS)[3]["_id"]
        app.write(ITEMS, lambda item: {**item, "company_name": "Kept through both ways"}, where=lambda item: item["_id"] == chosen)
        app.write(ITEMS, lambda item: None, where=lambda item: item["_id"] != chosen)
        app.run("revert", "--yes")
        self.assertTrue(app.json("verify")["passed"])
        app.run("cutover", "--yes")
        self.assertTrue(app.json("verify")["passed"])
        items = app.documents(ITEMS)
        self.assertEqual(len(items), 100)
        item, = (item for item in items if item["_id"] == chosen)
        self.assertEqual(item["company_name"], "Kept through both ways")
        self.assertEqual(app.namespaces(), {OLD_NAMESPACE: 612, NEW_NAMESPACE: 100})

    def test_the_new_sides_writes_are_no_failure_after_cutover(self):
        app = self.ran()
        app.write(ITEMS, lambda item: {**item, "company_name": "Changed by the application"})
        verification = app.json("verify", expect=None)
        classes = {one["class"] for check in verification["checks"] for one in check["discrepancies"]}
        self.assertNotIn("differing", classes)

    def test_rollback_of_all_after_writes_loses_nothing(self):
        app = self.ran()
        app.write(ITEMS, lambda item: {**item, "company_name": "Only on the new side"}, count=3)
        app.write(ITEMS, lambda item: {**item, "extra": "irreplaceable"}, where=lambda item: item["company_name"] != "Only on the new side")
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.raw(ITEMS), [])
        names = [document.get("company_name") for document in app.documents("training_data")]
        self.assertEqual(names.count("Only on the new side"), 3)
        self.assertIn("irreplaceable", saved_lines(app))
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)


def saved_lines(app):
    """Everything in saved files: each line's datum, unescaped."""
    lines = []
    for file in (app.dir / "backups").glob("saved-*"):
        for line in file.read_text(encoding="utf-8").splitlines():
            datum = json.loads(line)
            lines.append(json.dumps(datum, ensure_ascii=False))
            lines.append(json.dumps(json.loads(datum["datum"]), ensure_ascii=False) if "datum" in datum else "")
    return "\n".join(lines)


if __name__ == "__main__":
    harness.main()
