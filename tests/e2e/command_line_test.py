"""The command line as such: --json is one document and nothing else, every wrong word gets the next right one."""
import json

import harness
from harness import CHECK_FAILED, DONE, NEW_NAMESPACE, OLD_NAMESPACE, REFUSED, UNREACHABLE, USAGE, tearDownModule  # noqa: F401


class Json(harness.Case):
    def assert_one_document(self, app, *args, expect=DONE, keys=()):
        answer = app.run(*args, "--json", expect=expect)
        decoder = json.JSONDecoder(parse_constant=lambda name: self.fail(f"{name} is no JSON"))
        document, end = decoder.raw_decode(answer.out)
        self.assertEqual(answer.out[end:].strip(), "", args)
        self.assertIsInstance(document, dict)
        self.assertEqual(set(keys) - set(document), set(), args)
        self.assertNotIn("\x1b", answer.text)
        return document

    def test_of_every_verb(self):
        app = self.loaded()
        one = self.assert_one_document
        one(app, "load", "--from", harness.any_data(), "--yes", keys=("complete", "collections", "namespaces"))
        one(app, "check", keys=("passed", "findings"))
        forecast = one(app, "plan", keys=("documents", "items", "quarantined", "vectors", "tenants", "loss", "digest", "tokens",
                                          "cost_usd", "seconds"))
        self.assertEqual(one(app, "run", "--dry-run")["digest"], forecast["digest"])
        self.assertEqual(one(app, "status", keys=STATUS_KEYS)["state"], "new")
        one(app, "run", "--through", "3", "--yes", keys=("run_id", "state", "done", "next"))
        one(app, "verify", "--check", "counts", keys=("passed", "checks"))
        one(app, "verify", "--phase", "backup", keys=("passed", "checks"))
        item = app.documents(harness.ITEMS)[0]["item_id"]
        one(app, "explain", item, keys=("item_id", "source_id"))
        for args in (["list"], ["show"], ["replay", "--yes"]):
            one(app, "quarantine", *args)
        one(app, "backup", "create", keys=("path", "manifest_sha256"))
        one(app, "backup", "verify", keys=("passed", "problems"))
        one(app, "backup", "list", keys=("backups",))
        one(app, "backup", "restore", "--yes", keys=("complete", "collections", "namespaces"))
        one(app, "vectors", "backup", "--namespace", OLD_NAMESPACE, "--yes", keys=("path", "vectors"))
        one(app, "vectors", "clear", "--namespace", NEW_NAMESPACE, "--yes")
        one(app, "vectors", "reembed", "--namespace", NEW_NAMESPACE, "--yes")
        one(app, "cutover", "--dry-run", keys=("pointers", "fence", "obstacles"))
        one(app, "cutover", "--yes", keys=("state",))
        one(app, "status", keys=STATUS_KEYS)
        one(app, "verify", keys=("passed", "checks"))
        one(app, "retire", "--yes", expect=REFUSED, keys=("error",))
        one(app, "revert", "--yes", keys=("state",))
        one(app, "rollback", "--all", "--yes", keys=("state",))
        one(app, "rehearse", keys=("passed", "steps"))

    def test_of_the_demo(self):
        self.assert_one_document(self.app(), "demo", keys=("passed", "dir", "plan"))

    def test_of_errors(self):
        app = self.loaded()
        wrong = app.dir / "wrong.yaml"
        wrong.write_text(app.plan.read_text().replace("namespace:", "namespaze:"))
        problems = self.assert_one_document(app, "check", "wrong.yaml", expect=USAGE, keys=("error",))["error"]["problems"]
        self.assertTrue(all({"line", "column", "message"} <= set(problem) for problem in problems))
        for args, expect in ((["check", "absent.yaml"], USAGE), (["verify"], REFUSED), (["run"], USAGE),
                             (["load", "--from", "nowhere", "--yes"], USAGE), (["explain", "nobody"], None),
                             (["backup", "verify"], USAGE), (["quarantine", "list"], REFUSED)):
            error = self.assert_one_document(app, *args, expect=expect, keys=("error",))["error"]
            self.assertTrue(error["message"], args)

    def test_of_an_unreachable_store(self):
        app = self.loaded()
        app.env["PINECONE_INDEX"] = "http://127.0.0.1:9"
        self.assert_one_document(app, "check", expect=UNREACHABLE)
        self.assert_one_document(app, "run", "--yes", expect=UNREACHABLE, keys=("error",))


STATUS_KEYS = ("plan", "run_id", "state", "phases", "restore_points", "quarantined", "pointers", "watermarks", "fence")


class WrongWords(harness.Case):
    def assert_wrong(self, args, right):
        answer = self.bare.run(*args, expect=USAGE)
        self.assertEqual(answer.out, "", args)
        self.assertIn(right, answer.err, args)

    def setUp(self):
        self.bare = self.app()

    def test_a_verb_that_is_nearly_right(self):
        for word, right in (("veryfi", "rehome verify"), ("chekc", "rehome check"), ("rollbak", "rehome rollback"),
                            ("statsu", "rehome status"), ("cut-over", "rehome cutover"), ("backups", "rehome backup"),
                            ("quarentine", "rehome quarantine"), ("pinecone_local", "rehome pinecone-local")):
            self.assert_wrong([word], right)

    def test_a_word_of_other_tools(self):
        for word, right in (("migrate", "rehome run"), ("resume", "rehome run"), ("validate", "rehome verify"),
                            ("dry-run", "rehome plan"), ("undo", "rehome rollback"), ("restore", "rehome backup restore")):
            self.assert_wrong([word], right)

    def test_options_of_the_missions_scripts(self):
        for args, right in ((["run", "--all"], "rehome run"), (["run", "--rollback=phase2"], "rehome rollback --phase"),
                            (["run", "--rollback=all"], "rehome rollback --all"),
                            (["vectors", "--action=backup"], "rehome vectors backup"),
                            (["backup", "create", "--output=/backups"], "--dir"),
                            (["backup", "--restore=/backups"], "rehome backup restore")):
            self.assert_wrong(args, right)

    def test_an_option_that_is_nearly_right(self):
        for args, right in ((["run", "--phaze", "2"], "--phase"), (["verify", "--chekc", "counts"], "--check"),
                            (["status", "--wach"], "--watch"), (["rollback", "--al"], "--all")):
            self.assert_wrong(args, right)

    def test_values_that_cannot_be(self):
        for args in (["run", "--phase", "7"], ["run", "--phase", "1", "--through", "2"], ["verify", "--check", "everything"],
                     ["verify", "--phase", "3"], ["verify", "--sample", "0"], ["verify", "--sample", "101"], ["rollback"],
                     ["explain"], ["load"], ["vectors", "clear"], ["backup"], ["pinecone-local", "--port", "70000", "--dir", "x"],
                     ["check", "--set", "nonsense"], ["load", "--from", "x", "--only", "everything"],
                     ["rehearse", "--sample", "0"], ["run", "--follow"], ["check", "a.yaml", "b.yaml"]):
            answer = self.bare.run(*args, expect=USAGE)
            self.assertEqual(answer.out, "", args)
            self.assertTrue(answer.err.startswith("rehome: "), answer)

    def test_arguments_are_judged_before_a_store_is_opened(self):
        self.bare.run("run", "--phase", "9", "--yes", expect=USAGE)
        self.bare.run("run", "absent.yaml", "--yes", expect=USAGE)
        self.assertEqual(sorted(path.name for path in self.bare.dir.iterdir()), [".env", "rehome.yaml"])

    def test_help_everywhere(self):
        for args in ([], ["run"], ["backup"], ["backup", "create"], ["vectors"], ["quarantine", "list"], ["demo"]):
            self.assertIn("--help", self.bare.run(*args, "--help").out)
        self.assertIn("Exit codes", self.bare.run("--help").out)

    def test_nothing_at_all_says_what_comes_next(self):
        self.assertIn("rehome check", self.bare.run().out)
        self.bare.plan.unlink()
        self.assertIn("rehome init", self.bare.run().out)
        self.assertIn("rehome init", self.bare.run("check", expect=USAGE).err)

    def test_init_writes_a_plan_that_checks_and_never_overwrites(self):
        self.bare.run("init", "new.yaml")
        self.bare.run("plan", "new.yaml", expect=None)
        text = (self.bare.dir / "new.yaml").read_bytes()
        self.bare.run("init", "new.yaml", expect=REFUSED)
        self.assertEqual((self.bare.dir / "new.yaml").read_bytes(), text)

    def test_what_one_may_set_for_one_call(self):
        """The mission's --org_id, --profile_id and --namespace."""
        app = self.loaded()
        settings = ["--set", "tenants.organizations[0].org_id=org_mine", "--set", "tenants.profiles[0].org_id=org_mine",
                    "--set", "tenants.assign.org_id=org_mine", "--set", "index.namespace=ns_{org.slug}"]
        tenants = app.json("plan", *settings)["tenants"]
        self.assertEqual([(tenant["org_id"], tenant["namespace"]) for tenant in tenants], [("org_mine", "ns_default-org")])
        self.assertEqual([tenant["org_id"] for tenant in app.json("plan")["tenants"]], ["org_default"])


class Exits(harness.Case):
    def test_a_failed_check_is_1(self):
        app = self.ran(through=3)
        app.write(harness.ITEMS, lambda item: None)
        app.run("verify", expect=CHECK_FAILED)

    def test_unreachable_is_4_and_wins_over_refusals(self):
        app = self.loaded()
        app.env["PINECONE_INDEX"] = "http://127.0.0.1:9"
        for args in (["check"], ["run", "--yes"], ["plan"]):
            self.assert_error(app.run(*args, expect=UNREACHABLE)) if args != ["check"] else app.run(*args, expect=UNREACHABLE)

    def test_a_full_output_is_no_success(self):
        app = self.loaded()
        with open("/dev/full", "w") as full:
            process = harness.subprocess.run([harness.BINARY, "plan", "--json"], cwd=app.dir, env=app.env, stdout=full,
                                             stderr=harness.subprocess.DEVNULL, timeout=120)
        self.assertNotEqual(process.returncode, DONE)


if __name__ == "__main__":
    harness.main()
