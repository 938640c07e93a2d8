"""Several organizations and profiles in one run: rules, one namespace each, quarantine and its way back."""
import collections

import harness
from harness import QUARANTINED, REFUSED, USAGE, tearDownModule  # noqa: F401
from small_application import CLIENTS_CSV, MANY_TENANTS, Case, item_id, jobs

COUNT = 60
LOOKUP = {"Bolt Ltd": ("org_bolt", "prof_bea"), "Nuts, Inc.": ("org_bolt", "prof_bob")}
SLUGS = {"org_acme": "acme", "org_bolt": "bolt", "org_cord": "cord"}


def tenant_of(document, default=("org_cord", "prof_cleo")):
    """The plan's rules, said again: the first that matches wins."""
    if document.get("team") == "red":
        return ("org_acme", "prof_ann")
    return LOOKUP.get(document["client"], default)


class Tenants(Case):
    def many(self, default=True, count=COUNT, **make):
        tenants = {**MANY_TENANTS, "assign": MANY_TENANTS["assign"][:None if default else 2]}
        return self.small(count=count, tenants=tenants, cutover={"quiet": "100ms"}, **make)

    def assert_tenants(self, app, documents, default=("org_cord", "prof_cleo")):
        """Every document's item and vector are its tenant's, there is nothing else, and the order of the ids is kept."""
        expected = {item_id(d["_id"]): tenant_of(d, default) for d in documents if tenant_of(d, default)}
        items = {d["item_id"]: (d["org_id"], d["profile_id"]) for d in app.documents("job_items")}
        self.assertEqual(items, expected)
        by_namespace = collections.defaultdict(dict)
        for item, (org, profile) in expected.items():
            by_namespace[f"jobs_{SLUGS[org]}"][item] = (org, profile)
        found = {ns: {i: (r["metadata"]["org_id"], r["metadata"]["profile_id"]) for i, r in records.items()} for ns, records in app.new_vectors().items()}
        self.assertEqual(found, dict(by_namespace))

    def test_each_document_goes_to_the_first_rule_that_matches(self):
        app = self.many()
        before = app.legacy()
        app.migrate()
        self.assert_tenants(app, jobs(COUNT))
        self.assertEqual({d["org_id"] for d in app.documents("organizations")}, set(SLUGS))
        self.assertEqual({(d["profile_id"], d["org_id"]) for d in app.documents("freelancer_profiles")},
                         {("prof_ann", "org_acme"), ("prof_bea", "org_bolt"), ("prof_bob", "org_bolt"), ("prof_cleo", "org_cord")})
        app.verify()
        self.assert_untouched(before, app)
        app.run("rollback", "--all", "--yes")
        self.assertEqual((app.raw("job_items"), app.new_vectors(), app.raw("organizations")), ([], {}, []))
        self.assert_untouched(before, app)

    def test_the_plan_forecasts_each_tenant(self):
        app = self.many(default=False)
        forecast = app.json("plan")
        app.migrate("--through", "3", expect=QUARANTINED)
        items = collections.Counter(d["org_id"] for d in app.documents("job_items"))
        said = collections.Counter()
        for tenant in forecast["tenants"]:
            said[tenant["org_id"]] += tenant["items"]
        self.assertEqual(+said, items)
        self.assertEqual(forecast["quarantined"], COUNT - sum(items.values()))
        self.assertEqual(forecast["digest"], app.restore_point(2)["digest"])

    def test_what_no_rule_takes_is_quarantined_with_that_reason(self):
        app = self.many(default=False)
        before = app.legacy()
        homeless = [d for d in jobs(COUNT) if not tenant_of(d, None)]
        self.assertGreater(len(homeless), 5)
        self.assert_error(app.migrate(expect=QUARANTINED), "quarantine")
        self.assert_tenants(app, jobs(COUNT), default=None)
        self.assertEqual(app.status()["quarantined"], len(homeless))
        listed = app.json("quarantine", "list")["records"]
        self.assertEqual({one["reason"] for one in listed}, {"no_tenant"})
        self.assertEqual(len(listed), len(homeless))
        self.assertEqual(len(app.documents("job_items")) + len(homeless), COUNT)
        self.assertEqual((app.status()["state"], app.is_fenced(), app.pointer()), ("migrated", False, "letters"))
        self.assert_untouched(before, app)

    def test_quarantine_over_the_maximum_blocks_cutover_until_the_plan_allows_it(self):
        app = self.many(default=False)
        app.migrate(expect=QUARANTINED)
        self.assert_error(app.run("cutover", "--yes", expect=QUARANTINED), "quarantine")
        count = app.status()["quarantined"]
        app.contents["items"]["quarantine_max"] = count - 1
        app.write_plan()
        app.run("cutover", "--yes", expect=QUARANTINED)
        app.contents["items"]["quarantine_max"] = count
        app.write_plan()
        app.migrate()
        self.assertEqual(app.status()["state"], "cut_over")
        app.verify()

    def test_a_mended_document_is_replayed(self):
        app = self.many(default=False)
        app.migrate(expect=QUARANTINED)
        homeless = [d["_id"] for d in jobs(COUNT) if not tenant_of(d, None)]
        for source_id in homeless[1:]:
            app.change("jobs", source_id, team="red")
        shown = app.run("quarantine", "show").out
        self.assertIn("no_tenant", shown)
        self.assertIn("rehome quarantine list", app.json("quarantine", "replay", "--yes")["next"])
        self.assertEqual(app.status()["quarantined"], 1)
        app.change("jobs", homeless[0], client="Bolt Ltd")
        app.run("quarantine", "replay", "--yes")
        self.assertEqual(app.status()["quarantined"], 0)
        self.assertEqual(app.json("quarantine", "list")["records"], [])
        self.assert_tenants(app, app.documents("jobs"), default=None)
        app.verify()
        app.migrate()
        self.assertEqual(app.status()["state"], "cut_over")
        app.verify()

    def test_one_of_several_is_replayed_by_its_id(self):
        app = self.many(default=False)
        app.migrate(expect=QUARANTINED)
        listed = app.json("quarantine", "list")["records"]
        homeless = [d["_id"] for d in jobs(COUNT) if not tenant_of(d, None)]
        for source_id in homeless:
            app.change("jobs", source_id, team="red")
        app.run("quarantine", "replay", "rehome.yaml", listed[0]["id"], "--yes")
        self.assertEqual(app.status()["quarantined"], len(homeless) - 1)

    def test_verification_is_green_with_the_quarantine_that_the_plan_allows(self):
        app = self.many(default=False)
        app.contents["items"]["quarantine_max"] = COUNT
        app.write_plan()
        app.migrate()
        checks = {c["check"]: c for c in app.verify()["checks"]}
        self.assertTrue(checks["counts"]["passed"])
        self.assertEqual(app.phase(2)["counts"]["items"] + app.phase(2)["counts"]["quarantined"], COUNT)
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.status()["quarantined"], 0)

    def test_documents_that_break_the_schema_are_quarantined_with_field_and_reason(self):
        app = self.small(loaded=False)
        broken = jobs(12)
        broken[2]["title"] = 7
        del broken[5]["title"]
        app.load(documents=broken)
        app.migrate(expect=QUARANTINED)
        listed = app.json("quarantine", "list")["records"]
        self.assertEqual({one["reason"] for one in listed}, {"schema"})
        self.assertEqual(len(listed), 2)
        self.assertTrue(all("title" in one["detail"] for one in listed), listed)
        self.assertEqual(len(app.documents("job_items")), 10)

    def test_a_csv_that_names_an_unknown_organization_is_refused_before_anything_runs(self):
        app = self.many()
        (app.dir / "clients.csv").write_text(CLIENTS_CSV + "Delta,org_dent,prof_cleo\n")
        answer = app.run("run", "--yes", expect=USAGE)
        self.assertIn("org_dent", answer.err)
        self.assertEqual(app.raw("job_items"), [])

    def test_a_broken_csv_is_named_with_its_line(self):
        for row in ("Delta,org_cord\n", 'Delta,"org_cord,prof_cleo\n', "Bolt Ltd,org_cord,prof_cleo\n"):
            with self.subTest(row=row):
                app = self.many()
                (app.dir / "clients.csv").write_text(CLIENTS_CSV + row)
                answer = app.run("run", "--yes", expect=USAGE)
                self.assertIn("clients.csv", answer.err)

    def test_a_csv_that_changed_is_another_plan(self):
        app = self.many()
        app.migrate("--through", "3")
        (app.dir / "clients.csv").write_text(CLIENTS_CSV + "Delta,org_acme,prof_ann\n")
        self.assert_error(app.migrate(expect=REFUSED), "Delta")
        app.run("rollback", "--all", "--yes")
        app.migrate()
        self.assertEqual({d["org_id"] for d in app.documents("job_items") if d["client"] == "Delta"}, {"org_acme"})
        app.verify()

    def test_no_query_of_one_tenant_answers_with_another(self):
        app = self.many()
        app.migrate()
        with app.index() as index:
            for org, slug in SLUGS.items():
                for record in index.vectors(f"jobs_{slug}").values():
                    self.assertEqual(record["metadata"]["org_id"], org)
        checks = {c["check"]: c for c in app.verify("--check", "isolation", "--check", "retrieval")["checks"]}
        self.assertEqual({c["passed"] for c in checks.values()}, {True})

    def test_pointer_documents_of_several_tenants_flip_together_and_back(self):
        names = {f"org_{n}": f"jobs_{n}" for n in ("acme", "bolt", "cord")}
        tenants = MANY_TENANTS
        app = self.small(count=COUNT, tenants=tenants,
                         cutover={"quiet": "100ms", "documents": [{"collection": "settings", "id": "namespaces", "set": names}]})
        self.assert_error(app.migrate(expect=REFUSED), "settings")
        was = {"_id": "namespaces", "org_acme": "letters", "other": 1.5, "org_bolt": None}
        app.load_more("settings", [was])
        app.migrate()
        self.assertEqual(app.document("settings", "namespaces"), {**was, **names})
        app.run("revert", "--yes")
        self.assertEqual(app.document("settings", "namespaces"), was)


if __name__ == "__main__":
    harness.main()
