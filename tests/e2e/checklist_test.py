"""The mission's checklists, row by row in its own words: each is answered by one command, which is run and judged here.

Application "before" is loaded and not yet moved, "moved" is cut over; both are made once. Rows that change something get
an application of their own.
"""
import contextlib
import json
import re

import harness
from harness import (CHECK_FAILED, DONE, ITEMS, NEW_NAMESPACE, OLD_NAMESPACE, ORGANIZATIONS, PROFILES, REFUSED, UNREACHABLE,
                     tearDownModule)  # noqa: F401

ROWS = {}


def row(section, text):
    """Names the row that a test answers."""
    def enter(test):
        ROWS.setdefault(section, []).append(text)
        test.__doc__ = f"{section}: {text}"
        return test
    return enter


class Checklist(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.before = harness._loaded(harness.App, harness.any_data(), harness.PLAN)
        cls.moved = harness._loaded(harness.App, harness.any_data(), harness.PLAN)
        cls.addClassCleanup(cls.before.remove)
        cls.addClassCleanup(cls.moved.remove)
        cls.legacy = cls.moved.legacy()
        cls.moved.run("run", "--yes")

    def finding(self, app, check, expect=DONE):
        """What `rehome check` says about one thing."""
        found = [one for one in app.json("check", expect=expect)["findings"] if one["check"].startswith(check)]
        self.assertTrue(found, f"check says nothing about {check}")
        return found[0]

    def check(self, name, app=None):
        """One check of `rehome verify`."""
        result, = (app or self.moved).json("verify", "--check", name)["checks"]
        self.assertTrue(result["passed"], result)
        self.assertNotIn("skipped", result)
        return result

    # --- Pre-Migration Checks

    @row("Pre-Migration Checks", "Backup completed successfully")
    def test_backup_completed(self):
        made, = self.moved.json("backup", "list")["backups"]
        self.assertTrue((self.moved.dir / made / "manifest.json").is_file())
        self.assertEqual(self.finding(self.moved, "backups")["severity"], "ok")

    @row("Pre-Migration Checks", "Backup manifest checksums verified")
    def test_manifest_checksums(self):
        self.assertTrue(self.moved.json("backup", "verify")["passed"])
        self.assertTrue(self.moved.json("verify", "--phase", "backup")["passed"])
        app = self.ran(through=0)
        file, = (app.dir / "backups").glob("*/documents/chunks.json")
        content = bytearray(file.read_bytes())
        content[1000] ^= 1
        file.write_bytes(content)
        damaged = app.json("backup", "verify", expect=CHECK_FAILED)
        self.assertEqual(damaged["problems"][0]["file"], "documents/chunks.json")
        app.run("verify", "--phase", "backup", expect=CHECK_FAILED)

    @row("Pre-Migration Checks", "Application stopped or in maintenance mode")
    def test_application_stands_still(self):
        app = self.loaded()
        self.assertEqual(self.finding(app, "application")["severity"], "warning")
        app.plan.write_text(app.plan.read_text() + "\napplication:\n  maintenance: { file: maintenance.flag }\n")
        self.assertNotEqual(self.finding(app, "application", expect=None)["severity"], "ok")
        (app.dir / "maintenance.flag").touch()
        self.assertEqual(self.finding(app, "application")["severity"], "ok")

    @row("Pre-Migration Checks", "Database connection tested")
    def test_database_connection(self):
        self.assertEqual(self.finding(self.before, "documents")["severity"], "ok")

    @row("Pre-Migration Checks", "Pinecone API key validated")
    def test_api_key(self):
        with self.served("right-key") as app:
            app.env["PINECONE_API_KEY"] = "right-key"
            self.assertEqual(self.finding(app, "vectors", expect=None)["severity"], "ok")
            app.env["PINECONE_API_KEY"] = "wrong-key"
            self.assertEqual(self.finding(app, "vectors", expect=UNREACHABLE)["severity"], "error")

    @row("Pre-Migration Checks", "Sufficient Pinecone quota available")
    def test_quota(self):
        finding = self.finding(self.before, "quota")
        self.assertIn("101 vectors", finding["message"])

    # --- Post-Migration Checks

    @row("Post-Migration Checks", "Portfolio count")
    def test_portfolio_count(self):
        self.assertIn("101", self.check("counts")["found"])
        self.assertEqual(len(self.moved.raw(ITEMS)), 101)

    @row("Post-Migration Checks", "Embedded count")
    def test_embedded_count(self):
        self.assertEqual(self.check("orphans")["discrepancies"], [])
        self.assertEqual(sum(item["is_embedded"] for item in self.moved.documents(ITEMS)), 101)

    @row("Post-Migration Checks", "Pinecone vectors")
    def test_pinecone_vectors(self):
        self.assertIn(f"101 vectors in {NEW_NAMESPACE}", self.check("counts")["found"])
        self.assertEqual(self.moved.namespaces()[NEW_NAMESPACE], 101)

    @row("Post-Migration Checks", "Org created")
    def test_org_created(self):
        self.check("tenants")
        self.assertEqual([org["org_id"] for org in self.moved.documents(ORGANIZATIONS)], ["org_default"])

    @row("Post-Migration Checks", "Profile created")
    def test_profile_created(self):
        self.check("tenants")
        self.assertEqual([profile["profile_id"] for profile in self.moved.documents(PROFILES)], ["prof_default"])

    @row("Post-Migration Checks", "No orphaned vectors")
    def test_no_orphans(self):
        self.assertEqual(self.check("orphans")["discrepancies"], [])
        app = self.ran(through=3)
        with app.index() as index:
            index.upsert(NEW_NAMESPACE, [{"id": "orphan-vector", "values": [0.5] * 384}])
        result, = app.json("verify", "--check", "orphans", expect=CHECK_FAILED)["checks"]
        self.assertIn("orphan-vector", [one["id"] for one in result["discrepancies"]])

    @row("Post-Migration Checks", "Retrieval works")
    def test_retrieval_works(self):
        self.check("retrieval")
        self.check("proposals")
        self.check("isolation")

    # --- High-Impact Risks

    @row("High-Impact Risks", "Data loss during migration")
    def test_risk_data_loss(self):
        for name, value in self.moved.legacy().items():
            self.assertTrue(value == self.legacy[name], name)
        self.check("digests")
        self.assertTrue(self.moved.json("backup", "verify")["passed"])

    @row("High-Impact Risks", "Pinecone quota exceeded")
    def test_risk_quota(self):
        """Batches and a rate limit: a plan may bound the vectors written in a second."""
        self.finding(self.before, "quota")
        app = self.loaded()
        app.run("run", "--through", 3, "--set", "limits.vectors_per_s=1000", "--yes")
        self.assertEqual(app.namespaces()[NEW_NAMESPACE], 101)

    @row("High-Impact Risks", "Schema mismatch")
    def test_risk_schema(self):
        self.check("schema")
        app = self.loaded()
        app.plan.write_text(app.plan.read_text().replace("maxItems: 10", "maxItems: 1"))
        forecast = app.json("plan", expect=None)
        self.assertGreater(forecast["quarantined"], 0)
        self.assertEqual(forecast["items"] + forecast["quarantined"], 101)

    @row("High-Impact Risks", "Embedding API failures")
    def test_risk_embedding(self):
        """Out of retries is exit 4 or 5; the checkpoint stands, and the same command goes on once it answers."""
        app = self.ran(through=2)
        items = app.raw(ITEMS)
        broken = {"EMBEDDER": "openai", "EMBEDDER_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "x", "EMBEDDER_MODEL": "m"}
        other = self.loaded()
        answer = other.run("run", "--yes", env=broken, expect=None)
        self.assertIn(answer.exit, (UNREACHABLE, harness.INTERRUPTED, REFUSED), answer)
        self.assert_error(answer)
        app.run("run", "--phase", 3, "--yes")
        self.assertEqual(len(app.raw(ITEMS)), len(items))

    @row("High-Impact Risks", "Downtime during migration")
    def test_risk_downtime(self):
        """Blue-green: writes pause only for the flip, within a budget that is measured and predicted."""
        pause = next(point for point in self.moved.status()["restore_points"] if point["phase"] == 4)["counts"]["write_pause_ms"]
        self.assertLess(pause, 10_000)
        self.assertIn("write_pause", self.before.json("plan")["seconds"])
        app = self.ran(through=3)
        app.run("cutover", "--set", "cutover.write_pause_max=1ms", "--yes", expect=harness.INTERRUPTED)
        self.assertEqual((app.status()["fence"], app.env_file.read_text()), (None, harness.ENV_TEXT))

    # --- Data Integrity Guarantees

    @row("Data Integrity Guarantees", "Pre-migration backup")
    def test_guarantee_backup(self):
        app = self.ran(through=0)
        records = app.json("backup", "verify")["records"]
        self.assertEqual(records, 101 + 505 + 505 + 10 + 612)

    @row("Data Integrity Guarantees", "Transactional migration")
    def test_guarantee_validated_before_commit(self):
        app = self.loaded()
        app.plan.write_text(app.plan.read_text().replace("maxItems: 10", "maxItems: 1"))
        app.run("run", "--through", 2, "--yes", expect=(DONE, harness.QUARANTINED))
        self.assertTrue(all(len(item["skills"] or []) <= 1 for item in app.documents(ITEMS)))
        self.assertEqual(len(app.raw(ITEMS)) + app.status()["quarantined"], 101)

    @row("Data Integrity Guarantees", "Checksum verification")
    def test_guarantee_checksums(self):
        count, md5 = self.moved.restore_point(2)["digest"].split(":")
        self.assertEqual(count, "101")
        self.assertRegex(md5, "^[0-9a-f]{32}$")
        self.check("digests")

    @row("Data Integrity Guarantees", "Rollback checkpoint")
    def test_guarantee_restore_points(self):
        points = self.moved.status()["restore_points"]
        self.assertEqual([point["phase"] for point in points], [0, 1, 2, 3, 4])
        self.assertTrue(all(point["digest"] and point["at"] and point["undo"] for point in points))

    # --- Estimated Duration and Recommended Schedule

    @row("Estimated Duration", "Phase 0 to 4, each predicted and measured")
    def test_durations(self):
        predicted = self.before.json("plan")["seconds"]
        self.assertEqual({"prepare", "tenants", "items", "vectors", "cutover", "total"} - set(predicted), set())
        phases = self.moved.status()["phases"]
        self.assertTrue(all(phase["seconds"] > 0 and phase["started_at"] for phase in phases[:5]))

    @row("Recommended Schedule", "T-1 day: Take backups, test restore procedure")
    def test_t_minus_1_day(self):
        app = self.loaded()
        before = harness.digests(app.dir)
        made = app.json("backup", "create")["path"]
        self.assertTrue(app.json("backup", "verify", "--dir", made)["passed"])
        rehearsal = app.json("rehearse", "--backup", made)
        self.assertTrue(rehearsal["passed"])
        self.assertTrue(app.json("rehearse")["passed"])
        after = harness.digests(app.dir)
        self.assertEqual({path: after[path] for path in before if not path.endswith("/lock")},
                         {path: state for path, state in before.items() if not path.endswith("/lock")})

    @row("Recommended Schedule", "T-0 hour: Put app in maintenance mode (optional)")
    def test_t_0(self):
        self.assertIn("--online", self.finding(self.before, "application")["hint"])

    @row("Recommended Schedule", "T+0: Execute migration phases 1-4")
    def test_t_plus_0(self):
        app = self.ran(through=0)
        for phase in (1, 2, 3, 4):
            app.run("run", "--phase", phase, "--yes")
        self.assertEqual(app.status()["state"], "cut_over")

    @row("Recommended Schedule", "T+2 hours: Validation complete, resume normal operation")
    def test_t_plus_2_hours(self):
        self.assertTrue(self.moved.json("verify")["passed"])
        self.assertEqual(harness.as_python_reads(self.moved.env_file)["PINECONE_NAMESPACE"], NEW_NAMESPACE)

    @row("Recommended Schedule", "T+24 hours: Remove legacy collections (post-validation)")
    def test_t_plus_24_hours(self):
        self.moved.at(23, "retire", "--yes", expect=REFUSED)
        app = self.ran()
        app.at(24.1, "retire", "--yes")
        self.assertNotIn("training_data", app.collections())
        self.assertNotIn(OLD_NAMESPACE, app.namespaces())

    # --- Support Contacts

    @row("Support Contacts", "MongoDB Issues: Check connection string, verify credentials")
    def test_support_documents(self):
        app = self.loaded()
        (app.dir / "damaged.db").write_bytes(b"no database at all " * 200)
        app.env["MONGODB_URI"] = "sqlite:damaged.db"
        answer = app.run("run", "--yes", expect=None)
        self.assertNotEqual(answer.exit, DONE)
        self.assert_error(answer, "damaged.db")
        self.assertEqual(self.finding(app, "documents", expect=None)["severity"], "error")

    @row("Support Contacts", "Pinecone Issues: Check API key, verify quota at console.pinecone.io")
    def test_support_vectors(self):
        with self.served("right-key") as app:
            app.env["PINECONE_API_KEY"] = "wrong-key"
            answer = app.run("run", "--yes", expect=UNREACHABLE)
            self.assert_error(answer)
            self.assertIn("key", re.search("next: .*", answer.err).group())
            self.assertNotIn("wrong-key", answer.text)
            app.env["PINECONE_INDEX"] = "http://127.0.0.1:9"
            self.assert_error(app.run("run", "--yes", expect=UNREACHABLE), "127.0.0.1:9")

    @row("Support Contacts", "Application Issues: Check logs in /var/log/proposal_generator/")
    def test_support_log(self):
        app = self.loaded()
        app.plan.write_text(app.plan.read_text() + "\nlog:\n  file: rehome.jsonl\n")
        app.run("run", "--yes")
        lines = [json.loads(line) for line in (app.dir / "rehome.jsonl").read_text().splitlines()]
        self.assertGreater(len(lines), 5)
        self.assertNotIn("company_name", (app.dir / "rehome.jsonl").read_text())
        status = app.status()
        self.assertIsNone(status["last_error"])
        # What failed last, and what to do about it, is in status.
        app = self.ran(through=3)
        app.env_file.unlink()
        app.run("cutover", "--yes", expect=REFUSED)
        self.assertTrue(app.status()["last_error"]["message"] and app.status()["last_error"]["hint"])

    # --- all of it

    def test_every_row_of_the_mission_is_named(self):
        self.assertEqual({section: len(rows) for section, rows in ROWS.items()}, {
            "Pre-Migration Checks": 6, "Post-Migration Checks": 7, "High-Impact Risks": 5, "Data Integrity Guarantees": 4,
            "Estimated Duration": 1, "Recommended Schedule": 5, "Support Contacts": 3})

    @contextlib.contextmanager
    def served(self, key):
        """An application whose index is reached over HTTP and wants a key."""
        app = self.loaded()
        server = app.start("pinecone-local", "--port", "0", "--dir", app.dir / "vectors", "--api-key", key)
        try:
            app.env["PINECONE_INDEX"] = server.stdout.readline().split()[1]
            yield app
        finally:
            server.terminate()
            server.communicate(timeout=60)


if __name__ == "__main__":
    harness.main()
