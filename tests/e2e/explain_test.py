"""`rehome explain` of tenants; of a datum's way: migration_test.py, command_line_test.py."""
import unittest

from harness import REFUSED, tearDownModule  # noqa: F401
from small_application import MANY_TENANTS, Case


class ExplainTenantTest(Case):
    def test_an_organization_before_and_after_it_was_inserted(self):
        app = self.small(tenants=MANY_TENANTS)
        before = app.json("explain", "org_acme")
        self.assertEqual(before["organization"], "org_acme")
        self.assertEqual((before["stored"], before["owner"], before["vectors"], before["checks"]), (None, None, 0, []))
        self.assertEqual(before["planned"], {"_id": "org_acme", "org_id": "org_acme", "slug": "acme"})
        app.migrate("--through", "3")
        after = app.json("explain", "org_acme")
        self.assertEqual(after["stored"], after["planned"])
        self.assertEqual((after["owner"], after["namespace"], after["vectors"]), ("ours", "jobs_acme", app.namespaces()["jobs_acme"]))
        self.assertEqual([check["passed"] for check in after["checks"]], [True])
        self.assertIn("organization org_acme of the plan", app.run("explain", "org_acme").out)

    def test_a_profile_that_somebody_changed(self):
        app = self.small(tenants=MANY_TENANTS)
        app.migrate("--through", "3")
        app.change("freelancer_profiles", "prof_bea", name="Another")
        found = app.json("explain", "prof_bea")
        self.assertEqual((found["profile"], found["org_id"], found["owner"]), ("prof_bea", "org_bolt", "changed"))
        self.assertEqual([(check["check"], check["passed"]) for check in found["checks"]], [("tenants", False)])

    def test_a_plan_that_names_another_index_than_the_run_used(self):
        app = self.small(tenants=MANY_TENANTS)
        app.migrate("--through", "3")
        vectors = app.namespaces()["jobs_acme"]
        elsewhere = ("--set", "vectors=local:elsewhere")
        self.assertEqual(app.json("explain", "org_acme", *elsewhere)["vectors"], vectors)
        for arguments in (("explain", "org_acme"), ("status",), ("quarantine", "list")):
            said = app.run(*arguments, *elsewhere)
            self.assertIn("elsewhere", said.out + said.err, arguments)
        self.assertFalse((app.root / "elsewhere").exists())

    def test_what_nobody_knows_is_refused_with_what_would_be_right(self):
        app = self.small()
        self.assert_error(app.run("explain", "org_nobody", expect=REFUSED), "org_id")


if __name__ == "__main__":
    unittest.main()
