"""The application's .env file, switched and switched back: judged by the two readers that applications use, PyPI's
python-dotenv and npm's dotenv. After cutover both read every variable as before but the one; after revert the bytes are
the same as before."""
import os
import stat

import harness
from harness import NEW_NAMESPACE, REFUSED, tearDownModule  # noqa: F401

KEY = "PINECONE_NAMESPACE"

AWKWARD = {
    "plain": "PINECONE_NAMESPACE=proposals\n",
    "no newline at the end": "PORT=1\nPINECONE_NAMESPACE=proposals",
    "CRLF": "PORT=1\r\nPINECONE_NAMESPACE=proposals\r\nHOST=x\r\n",
    "CRLF, none at the end": "PORT=1\r\nPINECONE_NAMESPACE=proposals",
    "export": "export PINECONE_NAMESPACE=proposals\nexport PORT=1\n",
    "double quotes": 'PINECONE_NAMESPACE="proposals"\nPORT="1"\n',
    "single quotes": "PINECONE_NAMESPACE='proposals'\nPORT='1'\n",
    "spaces around": "  PINECONE_NAMESPACE =  proposals  \nPORT = 1\n",
    "tabs": "\tPINECONE_NAMESPACE\t=\tproposals\t\n",
    "a comment behind": "PINECONE_NAMESPACE=proposals # the old one\nPORT=1 # x\n",
    "a comment behind quotes": 'PINECONE_NAMESPACE="proposals" # the "old" one\n',
    "a comment of it": "# PINECONE_NAMESPACE=commented\nPINECONE_NAMESPACE=proposals\n# PINECONE_NAMESPACE=also\n",
    "duplicates": "PINECONE_NAMESPACE=first\nPORT=1\nPINECONE_NAMESPACE=proposals\n",
    "names that begin alike": "PINECONE_NAMESPACE_OLD=a\nOLD_PINECONE_NAMESPACE=b\nPINECONE_NAMESPACE=proposals\n",
    "empty value": "PINECONE_NAMESPACE=\nPORT=1\n",
    "empty quotes": 'PINECONE_NAMESPACE=""\nPORT=1\n',
    "missing": "PORT=1\nHOST=x\n",
    "missing, no newline at the end": "PORT=1\nHOST=x",
    "missing, CRLF": "PORT=1\r\nHOST=x\r\n",
    "missing, only comments": "# nothing here yet\n",
    "empty": "",
    "blank lines": "\n\nPORT=1\n\n\nPINECONE_NAMESPACE=proposals\n\n\n",
    "utf-8": "GREETING=Grüße, 世界 🚀\nPINECONE_NAMESPACE=proposals\nNAME='Ångström ‮bidi'\n",
    "a value of several lines": 'KEY="-----BEGIN\nPINECONE_NAMESPACE=inside\n-----END"\nPINECONE_NAMESPACE=proposals\n',
    "a value of several lines behind": "PINECONE_NAMESPACE=proposals\nKEY='one\nPINECONE_NAMESPACE=inside\nthree'\n",
    "equal signs": "URL=https://x/?a=b&c=d==\nPINECONE_NAMESPACE=proposals\n",
    "hash without space": "PINECONE_NAMESPACE=old#1\nCOLOR=#fff\n",
    "dollars": "PASSWORD=pa$$word${NOT}\nPINECONE_NAMESPACE=proposals\n",
    "backslashes": "DIR=C:\\new\\table\nPINECONE_NAMESPACE=proposals\n",
    "quotes inside": "MOTTO=it's \"fine\"\nPINECONE_NAMESPACE=proposals\n",
}


class EnvFile(harness.Case):
    def prepared(self, text):
        app = self.ran(through=3)
        app.env_file.write_bytes(text.encode())
        return app

    def reads(self, app):
        return {"python-dotenv": harness.as_python_reads(app.env_file), "dotenv": harness.as_node_reads(app.env_file)}

    def test_awkward_files(self):
        for name, text in AWKWARD.items():
            with self.subTest(name):
                app = self.prepared(text)
                before = self.reads(app)
                app.run("cutover", "--yes")
                for reader, variables in self.reads(app).items():
                    self.assertEqual(variables, {**before[reader], KEY: NEW_NAMESPACE}, reader)
                if "proposals" in text:  # every byte but the value is kept
                    self.assertEqual(app.env_file.read_bytes(), text.replace("proposals", NEW_NAMESPACE).encode())
                app.run("revert", "--yes")
                self.assertEqual(app.env_file.read_bytes(), text.encode())

    def test_rollback_gives_the_bytes_back_too(self):
        for name in ("missing, no newline at the end", "duplicates", "CRLF"):
            with self.subTest(name):
                app = self.prepared(AWKWARD[name])
                app.run("cutover", "--yes")
                app.run("rollback", "--all", "--yes")
                self.assertEqual(app.env_file.read_bytes(), AWKWARD[name].encode())

    def test_mode_is_kept_and_no_file_is_left_beside(self):
        app = self.prepared(harness.ENV_TEXT)
        app.env_file.chmod(0o640)
        names = sorted(os.listdir(app.dir))
        for verb in ("cutover", "revert"):
            app.run(verb, "--yes")
            self.assertEqual(stat.S_IMODE(app.env_file.stat().st_mode), 0o640, verb)
            self.assertEqual([name for name in sorted(os.listdir(app.dir)) if "env" in name], [".env"], verb)
        self.assertEqual(set(os.listdir(app.dir)) - set(names), set())

    def test_its_owner_keeps_it(self):
        """rehome often runs as root, the application does not."""
        app = self.prepared(harness.ENV_TEXT)
        owner = (12345, 23456) if os.geteuid() == 0 else (os.geteuid(), os.getgroups()[-1])
        os.chown(app.env_file, *owner)
        app.env_file.chmod(0o640)
        for verb in ("cutover", "revert"):
            app.run(verb, "--yes")
            status = app.env_file.stat()
            self.assertEqual((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (*owner, 0o640), verb)

    def test_a_link_stays_a_link(self):
        app = self.prepared(harness.ENV_TEXT)
        real = app.dir / "config.env"
        app.env_file.rename(real)
        app.env_file.symlink_to("config.env")
        app.run("cutover", "--yes")
        self.assertTrue(app.env_file.is_symlink())
        self.assertEqual(harness.as_python_reads(real)[KEY], NEW_NAMESPACE)
        app.run("revert", "--yes")
        self.assertEqual((app.env_file.is_symlink(), real.read_text()), (True, harness.ENV_TEXT))

    def test_what_was_edited_meanwhile_beside_the_key_is_kept(self):
        app = self.prepared(harness.ENV_TEXT)
        app.run("cutover", "--yes")
        app.env_file.write_text("NEW=1\n" + app.env_file.read_text().replace("PORT=8080", "PORT=9090"))
        app.run("revert", "--yes")
        self.assertEqual(app.env_file.read_text(), "NEW=1\n" + harness.ENV_TEXT.replace("PORT=8080", "PORT=9090"))

    def test_a_missing_file_refuses_the_cutover(self):
        app = self.prepared("")
        app.env_file.unlink()
        self.assert_error(app.run("cutover", "--yes", expect=REFUSED), ".env")
        self.assertFalse(app.env_file.exists())
        self.assertEqual(app.status()["state"] in ("migrated", "failed", "interrupted"), True)
        self.assertIsNone(app.status()["fence"])
        app.env_file.write_text(harness.ENV_TEXT)
        app.run("cutover", "--yes")
        self.assertEqual(harness.as_python_reads(app.env_file)[KEY], NEW_NAMESPACE)

    def test_a_missing_file_is_seen_before_anything_moves(self):
        app = self.loaded(env_text=None)
        answer = app.run("check", expect=None)
        self.assertIn(".env", answer.text)
        app.run("run", "--yes", expect=REFUSED)
        self.assertFalse(app.env_file.exists())

    def test_a_pointer_changed_by_someone_else_is_refused_and_left_alone(self):
        for verb in (["revert"], ["rollback", "--phase", "4"], ["rollback", "--all"]):
            app = self.prepared(harness.ENV_TEXT)
            app.run("cutover", "--yes")
            elsewhere = harness.ENV_TEXT.replace("proposals", "someone-elses")
            app.env_file.write_text(elsewhere)
            self.assert_error(app.run(*verb, "--yes", expect=REFUSED), KEY)
            self.assertEqual(app.env_file.read_text(), elsewhere)
            # Once a person has put it right, the same command goes on.
            app.env_file.write_text(harness.ENV_TEXT.replace("proposals", NEW_NAMESPACE))
            app.run(*verb, "--yes")
            self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)

    def test_verify_and_status_say_where_the_pointer_is(self):
        app = self.ran()
        self.assertEqual(app.status()["pointers"][KEY]["new"], NEW_NAMESPACE)
        self.assertTrue(app.json("verify", "--check", "pointers")["passed"])
        app.env_file.write_text(harness.ENV_TEXT)
        wrong = app.json("verify", "--check", "pointers", expect=harness.CHECK_FAILED)
        self.assertFalse(wrong["passed"])

    def test_another_file_by_environment(self):
        app = self.loaded()
        other = app.root / "elsewhere.env"
        other.write_text(harness.ENV_TEXT)
        app.env["APP_ENV_FILE"] = str(other)
        app.run("run", "--yes")
        self.assertEqual(harness.as_python_reads(other)[KEY], NEW_NAMESPACE)
        self.assertEqual(app.env_file.read_text(), harness.ENV_TEXT)


if __name__ == "__main__":
    harness.main()
