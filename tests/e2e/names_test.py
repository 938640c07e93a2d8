"""Names that an application brings along and nobody here chose: of plans, stores and files."""
import harness
from harness import DONE, tearDownModule  # noqa: F401
from small_application import Case, legacy_vectors


class Names(Case):
    def test_a_plan_may_have_any_name_that_the_plan_file_allows(self):
        for name in ("Portfolio_2026.v1", "a", "_", "A" * 64, "x-"):
            with self.subTest(name):
                app = self.small(name=name)
                before = app.legacy()
                app.migrate()
                app.verify()
                app.run("rollback", "--all", "--yes")
                self.assertEqual(app.legacy(), before)

    def test_a_plan_with_another_name_finds_the_vectors_that_are_there(self):
        app = self.small()
        app.contents["name"] = "renamed"
        app.write_plan()
        app.migrate("--through", "3")
        self.assertEqual(app.namespaces(), {"letters": len(legacy_vectors()), "jobs_acme": 12})

    def test_stores_and_files_may_stand_in_directories_with_blanks(self):
        app = self.small(loaded=False, documents={"source": "sqlite:the old/app.db", "target": "sqlite:the new/app.db"},
                         vectors={"source": "local:old vectors", "target": "local:new vectors"})
        for directory in ("the old", "the new", "the config"):
            (app.dir / directory).mkdir()
        app.contents["backup"]["dir"] = "the backups"
        app.contents["cutover"]["env_file"]["path"] = "the config/my.env"
        app.write_plan()
        (app.dir / "the config/my.env").write_text("VECTOR_NAMESPACE=letters\n")
        app.load()
        app.migrate()
        app.verify()
        self.assertEqual(len(app.documents("job_items", "the new/app.db")), 12)
        self.assertEqual(app.vectors("jobs_acme", "new vectors").keys(), {d["item_id"] for d in app.documents("job_items", "the new/app.db")})
        app.run("rollback", "--all", "--yes", expect=DONE)
        self.assertEqual((app.dir / "the config/my.env").read_text(), "VECTOR_NAMESPACE=letters\n")

    def test_an_undo_goes_by_the_stores_of_the_run_where_the_file_names_others(self):
        app = self.small()
        before = app.legacy()
        app.migrate("--through", "3")
        app.contents["vectors"] = "local:elsewhere"
        app.write_plan()
        answer = app.run("rollback", "--all", "--yes")
        self.assertIn("vectors.target", answer.err)
        self.assertEqual(app.legacy(), before)
        self.assertEqual(app.namespaces(), {"letters": len(legacy_vectors())})


if __name__ == "__main__":
    harness.main()
