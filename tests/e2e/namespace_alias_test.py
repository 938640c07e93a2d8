"""The application is switched by a namespace alias of the index: one call, no file, no deployment."""
import unittest

import harness
from harness import CHECK_FAILED, DONE, NEW_NAMESPACE, OLD_NAMESPACE, REFUSED, tearDownModule  # noqa: F401

ALIAS = "live"


class NamespaceAlias(harness.Case):
    def application(self, leads_to=OLD_NAMESPACE):
        app = self.loaded()
        text = app.plan.read_text()
        start = text.index("  env_file:")
        end = text.index("  fence: auto")
        app.plan.write_text(text[:start] + f"  namespace_alias: {{ {ALIAS}: {NEW_NAMESPACE} }}\n" + text[end:])
        if leads_to:
            with app.index() as index:
                index.call("POST", "/namespace-aliases", {"name": ALIAS, "target_namespace": leads_to})
        return app

    def target(self, app):
        with app.index() as index:
            answer = index.call("GET", "/namespace-aliases")
        found = [alias for aliases in answer.values() if isinstance(aliases, list) for alias in aliases]
        return {alias["name"]: alias["target_namespace"] for alias in found}.get(ALIAS)

    def served(self, app):
        """The namespace that answers a reader of the alias."""
        with app.index() as index:
            ids = index.ids(ALIAS)
            return NEW_NAMESPACE if set(ids) == set(index.ids(NEW_NAMESPACE)) else OLD_NAMESPACE

    def test_cutover_moves_it_and_revert_moves_it_back(self):
        app = self.application()
        check = app.run("check")
        self.assertIn(f"leads to {OLD_NAMESPACE}", check.text)
        app.run("run", "--yes")
        self.assertEqual((self.target(app), self.served(app)), (NEW_NAMESPACE, NEW_NAMESPACE))
        self.assertEqual(app.status()["pointers"][ALIAS]["new"], NEW_NAMESPACE)
        app.run("verify", "--check", "pointers")
        app.run("revert", "--yes")
        self.assertEqual((self.target(app), self.served(app)), (OLD_NAMESPACE, OLD_NAMESPACE))

    def test_one_that_did_not_exist_is_removed_by_a_rollback(self):
        app = self.application(leads_to=None)
        self.assertIn("does not exist yet", app.run("check").text)
        app.run("run", "--yes")
        self.assertEqual(self.target(app), NEW_NAMESPACE)
        app.run("rollback", "--all", "--yes")
        self.assertIsNone(self.target(app))

    def test_one_that_somebody_else_moves_is_noticed(self):
        app = self.application()
        app.run("run", "--yes")
        with app.index() as index:
            index.call("PATCH", f"/namespace-aliases/{ALIAS}", {"target_namespace": OLD_NAMESPACE})
        app.run("verify", "--check", "pointers", expect=CHECK_FAILED)

    def test_revert_leaves_alone_what_somebody_else_moved(self):
        app = self.application()
        app.run("run", "--yes")
        with app.index() as index:
            index.upsert("elsewhere", [{"id": "one", "values": [1.0] * 384}])
            index.call("PATCH", f"/namespace-aliases/{ALIAS}", {"target_namespace": "elsewhere"})
        self.assert_error(app.run("revert", "--yes", expect=REFUSED), ALIAS)
        self.assertEqual(self.target(app), "elsewhere")


if __name__ == "__main__":
    unittest.main()
