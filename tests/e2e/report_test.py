"""Signed verification reports: who signed, and any change shows. The signature is judged by OpenSSL too."""
import json
import pathlib
import stat
import subprocess
import tempfile

import harness
from harness import CHECK_FAILED, REFUSED, USAGE, tearDownModule  # noqa: F401
from small_application import Case


class Reports(Case):
    def reported(self, **make):
        app = self.small(**make)
        app.migrate()
        app.run("verify", "--report", "report.json")
        return app

    def test_a_report_says_what_stands_where_and_is_as_it_was_signed(self):
        app = self.reported()
        report = json.loads((app.dir / "report.json").read_text())
        status = app.status()
        self.assertEqual(report["run_id"], status["run_id"])
        self.assertEqual(report["audit"]["head"], status["audit_head"])
        self.assertTrue(report["passed"])
        self.assertEqual([c["check"] for c in report["checks"]], [c["check"] for c in app.verify()["checks"]])
        self.assertEqual(stat.S_IMODE((app.dir / "report.json").stat().st_mode), 0o600)
        checked = app.json("report", "check", "report.json")
        self.assertTrue(checked["authentic"])
        self.assertEqual(checked["public_key"], app.json("report", "key")["public_key"])
        app.run("report", "check", "report.json", "--key", checked["public_key"])
        app.run("report", "check", "report.json", "--key", "0" * 64, expect=CHECK_FAILED)

    def test_openssl_agrees_with_the_signature(self):
        app = self.reported()
        report = json.loads((app.dir / "report.json").read_text())
        signature = bytes.fromhex(report.pop("signature"))
        message = b"rehome report 1\n" + json.dumps(report, indent=2, ensure_ascii=False).encode()
        # An Ed25519 public key in DER: a fixed head, then the 32 bytes.
        der = bytes.fromhex("302a300506032b6570032100" + report["public_key"])
        with tempfile.TemporaryDirectory() as scratch:
            files = {name: pathlib.Path(scratch, name) for name in ("key", "message", "signature")}
            files["key"].write_bytes(der)
            files["message"].write_bytes(message)
            files["signature"].write_bytes(signature)
            subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", files["key"], "-rawin",
                            "-in", files["message"], "-sigfile", files["signature"]], check=True, capture_output=True)

    def test_every_edit_shows(self):
        app = self.reported()
        path = app.dir / "report.json"
        good = path.read_text()
        for edit in (lambda t: t.replace('"passed": true', '"passed": false', 1), lambda t: t + " ", lambda t: t[:-2], lambda t: "",
                     lambda t: json.dumps({**json.loads(t), "note": 1}), lambda t: json.dumps(json.loads(t))):
            path.write_text(edit(good))
            answer = app.run("report", "check", "report.json", "--json", expect=CHECK_FAILED)
            self.assertFalse(answer.json["authentic"])
        app.run("report", "check", "nowhere.json", expect=USAGE)

    def test_a_failed_verification_is_reported_too(self):
        app = self.reported()
        app.env_file.write_text(app.env_file.read_text().replace("jobs_acme", "letters"))
        app.run("verify", "--report", "failed.json", expect=CHECK_FAILED)
        answer = app.run("report", "check", "failed.json")
        self.assertIn("FAILED", answer.out)
        self.assertFalse(json.loads((app.dir / "failed.json").read_text())["passed"])

    def test_the_users_key_is_private_and_kept(self):
        app = self.reported()
        key = app.root / "home/.config/rehome/signing.key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        secret = key.read_text().strip()
        self.assertNotIn(secret, (app.dir / "report.json").read_text())
        first = app.json("report", "key")
        self.assertEqual(app.json("report", "key"), first)
        key.chmod(0o644)
        self.assert_error(app.run("verify", "--report", "again.json", expect=REFUSED), "read by others")

    def test_a_key_of_the_plan(self):
        app = self.small()
        app.contents["verify"]["signing_key"] = "${REPORT_KEY}"
        app.env["REPORT_KEY"] = "c3" * 32
        app.write_plan()
        app.migrate()
        app.run("verify", "--report", "report.json")
        self.assertFalse((app.root / "home/.config").exists())
        for path in app.root.rglob("*"):
            if path.is_file():
                self.assertNotIn(app.env["REPORT_KEY"].encode(), path.read_bytes(), str(path))
        app.env["REPORT_KEY"] = "short"
        self.assertIn("64 hexadecimal digits", app.run("verify", "--report", "report.json", expect=USAGE).err)


if __name__ == "__main__":
    harness.main()
