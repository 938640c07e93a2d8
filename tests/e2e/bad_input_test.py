"""Bad input gets a clear error, its own exit code, and loses nothing."""
import json

import bson

import harness
from harness import DONE, REFUSED, USAGE, digests, tearDownModule  # noqa: F401
from small_application import DIMENSION, Case, export_line, item_id, jobs, legacy_vectors

WRONG_PLAN = """\
rehome: 1
name: letters
documents: sqlite:app.db
vectors: local:vectors
colour: blue
tenants:
  organizations: [{ org_id: org_acme, slug: acme }]
  profiles: [{ profile_id: prof_ann, org_id: org_acne }]
  assign: { org_id: org_acme, profile_id: prof_bob }
items:
  from: jobs
  to: job_items
  id: "job_{_id}"
  fields:
    client: { frist_non_empty: [client, title] }
    kind: { extract: nothing_of_the_sort, from: [title] }
index:
  namespace: "jobs_{org.slug}"
  embedder: { provider: hashing, dimensions: many }
  text: "{client}: {nobody}"
"""


class WrongPlan(Case):
    def problems_of(self, text, *arguments):
        app = self.small(loaded=False)
        app.plan.write_text(text)
        before = digests(app.root)
        answer = app.run("plan", "--json", *arguments, expect=USAGE)
        self.assertEqual(digests(app.root), before)
        return answer, answer.json["error"]["problems"]

    def test_all_mistakes_are_said_at_once_with_line_and_column(self):
        answer, problems = self.problems_of(WRONG_PLAN)
        places = {(p["line"], p["column"]) for p in problems}
        lines = {line for line, _ in places}
        # unknown key, unknown organization, unknown profile, unknown rule, unknown extractor, no number, no field
        for line in (5, 8, 9, 15, 16, 19, 20):
            self.assertIn(line, lines, str(answer))
        self.assertIn((5, 1), places)
        for problem in problems:
            self.assertIn(f"rehome.yaml:{problem['line']}:{problem['column']}: ", answer.err)
        self.assertIn("first_non_empty", answer.err)  # what was probably meant

    def test_a_plan_that_is_no_yaml_is_refused_with_its_place(self):
        _, problems = self.problems_of("rehome: 1\nname: [letters\ntenants: }\n")
        self.assertTrue(all(p["line"] >= 2 and p["column"] >= 1 for p in problems), problems)

    def test_a_variable_that_is_not_set_is_named(self):
        answer, problems = self.problems_of(WRONG_PLAN.replace("sqlite:app.db", "${LETTERS_STORE}"))
        self.assertIn(3, {p["line"] for p in problems})
        self.assertIn("LETTERS_STORE", answer.err)

    def test_two_slugs_with_one_namespace_are_refused(self):
        app = self.small(loaded=False)
        organizations = app.contents["tenants"]["organizations"]
        organizations.append({"org_id": "org_acme_two", "slug": "acme"})
        app.contents["tenants"]["profiles"].append({"profile_id": "prof_two", "org_id": "org_acme_two"})
        app.write_plan()
        answer = app.run("plan", expect=USAGE)
        self.assertIn("acme", answer.err)

    def test_a_namespace_template_that_gives_a_legacy_or_the_default_namespace_is_refused(self):
        for template, slug in (("{org.slug}", "letters"), ("{org.slug}", "__default__"), ("letters", "acme")):
            with self.subTest(template=template, slug=slug):
                app = self.small(loaded=False)
                app.contents["index"]["namespace"] = template
                app.contents["tenants"]["organizations"][0]["slug"] = slug
                app.write_plan()
                app.run("plan", expect=USAGE)

    def test_a_mistake_in_set_is_named_without_a_place_in_the_file(self):
        app = self.small(loaded=False)
        answer = app.run("plan", "--set", "items.form=jobs", "--json", expect=USAGE)
        self.assertIn("--set items.form", answer.err)
        self.assertNotIn("rehome.yaml:", answer.err)
        self.assertEqual([p["line"] for p in answer.json["error"]["problems"]], [None])

    def test_a_wrong_jq_program_and_a_wrong_schema_are_mistakes_like_any_other(self):
        app = self.small(loaded=False)
        app.contents["colour"] = "blue"
        app.contents["documents"] = "mongodb://127.0.0.1:9/none"
        app.contents["items"]["fields"]["client"] = {"first_non_empty": ["client", {"jq": ".title |"}]}
        app.contents["items"]["fields"]["title"] = {"jq": "now"}
        app.contents["items"]["schema"] = {"properties": {"title": {"type": "strin"}}}
        app.write_plan()
        for verb in (["check"], ["plan"], ["run", "--yes"], ["status"]):
            with self.subTest(verb=verb):
                answer = app.run(*verb, "--json", expect=USAGE)
                said = {(p["message"].split(":")[0], p["line"] > 0) for p in answer.json["error"]["problems"]}
                self.assertEqual(said, {("unknown key `colour`", True), ("`client`", True), ("`title`", True), ("schema", True)})

    def test_files_that_are_not_there_are_named(self):
        app = self.small(loaded=False)
        self.assert_error(app.run("run", "nowhere.yaml", "--yes", expect=USAGE), "nowhere.yaml")
        self.assert_error(app.run("load", "--from", "nowhere", "--yes", expect=USAGE), "nowhere")
        self.assert_error(app.run("backup", "verify", "--dir", "nowhere", expect=USAGE), "nowhere")
        app.contents["tenants"]["assign"] = [{"lookup": {"field": "client", "file": "nobody.csv"}}]
        app.write_plan()
        self.assertIn("nobody.csv", app.run("plan", expect=USAGE).err)

    def test_an_env_file_that_is_missing_refuses_the_cutover_and_leaves_the_old_side(self):
        app = self.small()
        app.env_file.unlink()
        self.assert_error(app.migrate(expect=REFUSED), ".env")
        self.assertNotEqual(app.status()["state"], "cut_over")
        self.assertFalse(app.is_fenced())
        app.env_file.write_text("VECTOR_NAMESPACE=letters\n")
        app.migrate()
        self.assertEqual(app.pointer(), "jobs_acme")

    def test_an_empty_source_is_said_not_migrated(self):
        app = self.small(loaded=False)
        answer = app.migrate(expect=REFUSED)
        self.assert_error(answer, "jobs")

    def test_without_yes_nothing_happens_off_a_terminal(self):
        app = self.small()
        before = digests(app.dir)
        for verb in (["run"], ["rollback", "--all"], ["cutover"], ["revert"], ["retire"]):
            with self.subTest(verb=verb):
                self.assert_error(app.run(*verb, expect=USAGE), "--yes")
        self.assertEqual(digests(app.dir), before)


class WrongExport(Case):
    def refused(self, app, *words):
        """`load` must refuse and load nothing, and what the stores held must stand."""
        answer = app.run("load", "--from", "export", "--yes", expect=USAGE)
        self.assert_error(answer, *words)
        self.assertEqual(app.raw("jobs"), [])
        self.assertEqual(app.namespaces().get("letters", 0), 0)

    def test_a_broken_line_is_named_and_nothing_at_all_is_loaded(self):
        for broken in ('{"_id": 7, "client": ', '{"_id": {"$oid": "12"}}', '[1, 2]', '{"client": "no id"} trailing', "\x00"):
            with self.subTest(broken=broken):
                app = self.small(loaded=False)
                app.export()
                file = app.dir / "export/documents/jobs.json"
                lines = file.read_text().splitlines()
                lines[8] = broken
                file.write_text("\n".join(lines) + "\n")
                self.refused(app, "jobs.json:9:")

    def test_all_broken_lines_are_listed(self):
        app = self.small(loaded=False)
        app.export()
        file = app.dir / "export/documents/jobs.json"
        file.write_text(file.read_text() + "{\n" + export_line(jobs(13)[12]) + "\n}\n")
        (app.dir / "export/vectors/vectors_letters.jsonl").write_text('{"id": "v0", "values": ["a"]}\n')
        self.refused(app, "jobs.json:13:", "jobs.json:15:", "vectors_letters.jsonl:1:")

    def test_a_mark_of_the_byte_order_behind_the_first_line_is_refused_like_any_other_text(self):
        app = self.small(loaded=False)
        app.export()
        file = app.dir / "export/documents/jobs.json"
        file.write_text("\n\ufeff[" + file.read_text().replace("\n", ","), encoding="utf-8")
        self.refused(app, "jobs.json:2:")

    def test_what_no_store_takes_is_named_with_its_line_before_anything_is_written(self):
        for line in ('{"_id": [1]}', '{"_id": {"$undefined": true}}', json.dumps({"_id": 99, "client": "x" * (16 << 20)})):
            with self.subTest(line=line[:30]):
                app = self.small(loaded=False)
                app.export()
                file = app.dir / "export/documents/jobs.json"
                file.write_text(file.read_text() + line + "\n")
                self.refused(app, "jobs.json:13:")
        for extra in ({"values": [0] * DIMENSION}, {"metadata": {"text": "x" * 41000}}, {"metadata": {"$a": 1}}):
            with self.subTest(extra=str(extra)[:30]):
                app = self.small(loaded=False)
                app.export(records=[*legacy_vectors(), {"id": "one more", "values": [0.5] * DIMENSION, **extra}])
                self.refused(app, "vectors_letters.jsonl:9: vector one more")

    def test_every_problem_has_a_line_of_its_own(self):
        app = self.small(loaded=False)
        app.export(documents=[{"client": "no id"}] * 12)
        answer = app.run("load", "--from", "export", "--yes", expect=USAGE)
        lines = [line for line in answer.err.splitlines() if "jobs.json:" in line]
        self.assertEqual(len(lines), 10, str(answer))

    def test_exports_of_every_form_are_the_same_export(self):
        documents = jobs(6)
        lines = [export_line(d) for d in documents]
        indented = [json.dumps(json.loads(line), indent="\t") for line in lines]
        records = [json.dumps(r) for r in legacy_vectors()]
        forms = {
            "lines": ("\n".join(lines), "\n".join(records)),
            "mark, CRLF and blank lines": ("\ufeff" + "\r\n\r\n".join(lines) + "\r\n \r\n", "\ufeff" + "\r\n\r\n".join(records) + "\r\n"),
            "an array": ("[" + ",\n".join(lines) + "]\n", "[" + ",".join(records) + "]"),
            "an indented array": ("[\n" + ",\n".join(indented) + "\n]\n", json.dumps([json.loads(r) for r in records], indent=1)),
            "indented": ("\n".join(indented) + "\n", "\n".join(json.dumps(json.loads(r), indent=2) for r in records)),
        }
        loaded = {}
        for form, (text, vectors) in forms.items():
            app = self.small(loaded=False)
            app.export(documents=documents)
            (app.dir / "export/documents/jobs.json").write_bytes(text.encode())
            (app.dir / "export/vectors/vectors_letters.jsonl").write_bytes(vectors.encode())
            app.run("load", "--from", "export", "--yes")
            loaded[form] = app.legacy()
        for form, legacy in loaded.items():
            self.assertTrue(legacy == loaded["lines"], form)

    def test_an_indented_document_that_does_not_end_hides_no_other(self):
        app = self.small(loaded=False)
        app.export()
        file = app.dir / "export/documents/jobs.json"
        file.write_text('{\n "_id": 1001,\n' + file.read_text() + '{\n "_id": 1002\n}\n{\n "_id": 1003\n')
        self.refused(app, "2 broken", "jobs.json:1:", "jobs.json:18:")

    def test_the_same_id_twice_is_refused_by_mongodbs_equality(self):
        for first, second in ((5, 5.0), (5, bson.Int64(5)), (5, bson.Decimal128("5.00")), ("a", "a"), (0.0, -0.0)):
            with self.subTest(first=first, second=second):
                app = self.small(loaded=False)
                app.export(documents=[{"_id": first, "client": "A", "title": "one"}, {"_id": "else"}, {"_id": second, "client": "B", "title": "two"}])
                self.refused(app, "jobs.json")

    def test_ids_that_only_look_alike_are_all_loaded(self):
        app = self.small(loaded=False)
        documents = [{"_id": i, "client": "A", "title": "t"} for i in (5, "5", 5.5, bson.ObjectId("0" * 24), "0" * 24, True, None)]
        app.load(documents=documents)
        self.assertEqual(len(app.raw("jobs")), len(documents))
        app.migrate("--through", "3")
        self.assertEqual(len({d["item_id"] for d in app.documents("job_items")}), len(documents))

    def test_a_vector_of_another_dimension_is_refused(self):
        records = legacy_vectors()
        records[5]["values"].append(0.5)
        app = self.small(loaded=False)
        app.export(records=records)
        self.refused(app, "vectors_letters.jsonl:6", "17")

    def test_vectors_that_do_not_fit_the_embedder_are_refused(self):
        app = self.small(loaded=False)
        app.export(records=legacy_vectors(dimension=DIMENSION + 1))
        answer = app.run("load", "--from", "export", "--yes", expect=None)
        self.assertIn(answer.exit, (USAGE, REFUSED), str(answer))
        self.assertEqual(app.raw("jobs"), [])

    def test_vectors_that_are_not_finite_or_twice_there_are_refused(self):
        for line in ('{"id": "x", "values": [NaN' + ", 0.1" * 15 + "]}", json.dumps(legacy_vectors()[0]), '{"values": [1]}'):
            with self.subTest(line=line[:30]):
                app = self.small(loaded=False)
                app.export()
                file = app.dir / "export/vectors/vectors_letters.jsonl"
                file.write_text(file.read_text() + line + "\n")
                self.refused(app, "vectors_letters.jsonl")

    def test_loading_again_is_harmless_and_what_differs_is_kept_and_named(self):
        app = self.small()
        before = app.legacy()
        app.load()
        self.assertEqual(app.legacy(), before)
        changed = jobs(12)
        changed[3]["title"] = "Another title"
        answer = app.load(documents=changed, expect=harness.CHECK_FAILED)
        self.assertEqual(app.legacy(), before)
        self.assertIn("000000000000000000000004", answer.text)


class ForeignData(Case):
    def foreign_document(self, source_id, **fields):
        return {"_id": source_id, "item_id": "foreign", "org_id": "org_other", "profile_id": "prof_other", "client": "Other", "title": "theirs", **fields}

    def test_an_item_under_an_id_of_the_source_is_refused_and_named(self):
        app = self.small()
        foreign = self.foreign_document("job 5")
        app.load_more("job_items", [foreign])
        before = app.legacy()
        self.assert_error(app.migrate(expect=REFUSED), "job_items")
        self.assertIn("job 5", app.run("run", "--yes", expect=REFUSED).err.replace("%20", " "))
        self.assertEqual(app.document("job_items", "job 5"), foreign)
        self.assert_untouched(before, app)
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.documents("job_items"), [foreign])

    def test_an_item_with_an_item_id_of_ours_is_refused_and_named(self):
        app = self.small()
        foreign = self.foreign_document("theirs", item_id=item_id("job 5"))
        app.load_more("job_items", [foreign])
        answer = app.migrate(expect=REFUSED)
        self.assert_error(answer, "job_items")
        self.assertIn("job_s~job%205", answer.err)
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.documents("job_items"), [foreign])

    def test_other_organizations_items_are_left_and_counted_apart(self):
        app = self.small()
        foreign = [self.foreign_document(f"their {n}", item_id=f"theirs_{n}") for n in range(3)]
        app.load_more("job_items", foreign)
        app.load_more("organizations", [{"_id": "org_other", "org_id": "org_other", "slug": "other"}])
        app.migrate()
        app.verify()
        self.assertEqual(len(app.documents("job_items")), 12 + 3)
        self.assertEqual(app.phase(2)["counts"]["items"], 12)
        self.assertNotIn("org_other", json.dumps([m["metadata"] for m in app.vectors("jobs_acme").values()]))
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.documents("job_items"), foreign)

    def test_an_organization_that_another_program_made_is_refused(self):
        app = self.small()
        app.load_more("organizations", [{"_id": "org_acme", "org_id": "org_acme", "slug": "acme", "name": "Somebody else's"}])
        before = app.raw("organizations")
        self.assert_error(app.migrate(expect=REFUSED), "org_acme")
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.raw("organizations"), before)

    def test_a_slug_that_another_organization_has_is_refused(self):
        app = self.small()
        app.load_more("organizations", [{"_id": "org_other", "org_id": "org_other", "slug": "acme"}])
        before = app.raw("organizations")
        self.assert_error(app.migrate(expect=REFUSED), "acme")
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.raw("organizations"), before)

    def test_a_namespace_that_others_use_is_refused_untouched(self):
        app = self.small()
        theirs = {"id": "their vector", "values": [0.25] * DIMENSION, "metadata": {"whose": "theirs"}}
        with app.index() as index:
            index.upsert("jobs_acme", [theirs])
        before = app.vectors("jobs_acme")
        self.assert_error(app.migrate(expect=REFUSED), "jobs_acme")
        self.assertEqual(app.vectors("jobs_acme"), before)
        app.run("rollback", "--all", "--yes")
        self.assertEqual(app.vectors("jobs_acme"), before)

    def test_check_says_all_of_it_before_anything_is_written(self):
        app = self.small()
        app.load_more("job_items", [self.foreign_document("job 5")])
        with app.index() as index:
            index.upsert("jobs_acme", [{"id": "x", "values": [0.25] * DIMENSION}])
        app.env_file.unlink()
        before = digests(app.dir)
        answer = app.run("check", expect=REFUSED)
        for word in ("job_items", "jobs_acme", ".env"):
            self.assertIn(word, answer.text)
        self.assertEqual(digests(app.dir), before)
        app.run("run", "--yes", "--through", "0", expect=None)
        self.assertEqual(len(app.raw("job_items")), 1)

    def test_a_plan_that_fits_is_checked_green(self):
        app = self.small()
        before = digests(app.dir)
        app.run("check", expect=DONE)
        self.assertEqual(digests(app.dir), before)


if __name__ == "__main__":
    harness.main()
