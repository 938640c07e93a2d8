"""One runner per plan: two at once, a dead one, one elsewhere, and one that slept past its lease."""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import bson

import harness
from harness import BINARY, DONE, LEASE_HELD, tearDownModule  # noqa: F401
from small_application import Case, VectorServer

COUNT = 1500
TTL_S = 15
PATIENCE_S = 240


class Runners(Case):
    count = COUNT

    def served(self, count=None, **changes):
        """An application whose vectors have a server of their own, so that only the lease keeps two runners apart."""
        app = self.small(loaded=False, count=count or self.count, **changes)
        server = VectorServer(app)
        self.addCleanup(lambda: server.stop(signal.SIGKILL))
        app.contents["vectors"] = server.url
        app.write_plan()
        app.load()
        return app

    @contextlib.contextmanager
    def stopped_runner(self, app, mark="phase 2 items: started\n", prefix=()):
        """A runner that stands still in the middle of phase 2. Its process; it is alive until the end."""
        process = subprocess.Popen([*prefix, BINARY, "run", "--yes"], cwd=app.dir, env=app.env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = ""
        while said != mark:
            said = process.stderr.readline()
            assert said, "it ended before it was stopped"
        runner = process.pid if not prefix else self.child_of(process.pid)
        self.stop_between_transactions(app, runner)
        try:
            yield process, runner
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(runner, signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                os.kill(runner, signal.SIGKILL)
            process.communicate(timeout=PATIENCE_S)

    @staticmethod
    def stop_between_transactions(app, runner):
        """A process that stands still inside of a transaction keeps the file locked for everybody."""
        while True:
            os.kill(runner, signal.SIGSTOP)
            with contextlib.closing(sqlite3.connect(app.dir / "app.db", timeout=0, isolation_level=None)) as db:
                with contextlib.suppress(sqlite3.OperationalError):
                    db.execute("BEGIN IMMEDIATE")
                    db.execute("ROLLBACK")
                    return
            os.kill(runner, signal.SIGCONT)
            time.sleep(0.001)  # it goes on, to stop elsewhere

    @staticmethod
    def child_of(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return int(children.read().split()[0])

    def lease(self, app):
        return app.documents("rehome_leases")[0]

    def rewrite_lease(self, app, **fields):
        app.write("rehome_leases", lambda lease: {**lease, **fields})

    def test_a_second_runner_is_turned_away_at_once(self):
        app = self.served()
        with self.stopped_runner(app) as (_, runner):
            for verb in (["run", "--yes"], ["rollback", "--all", "--yes"], ["cutover", "--yes"], ["revert", "--yes"], ["retire", "--yes"]):
                with self.subTest(verb=verb):
                    before = time.monotonic()
                    answer = app.run(*verb, expect=LEASE_HELD)
                    self.assertLess(time.monotonic() - before, TTL_S / 2)
                    self.assert_error(answer, str(runner))
            status = app.status()
            self.assertEqual(status["state"], "running")
            answer = app.run("verify", expect=None)  # reading needs no lease
            self.assertNotEqual(answer.exit, LEASE_HELD)
        app.migrate()
        app.verify()

    def test_a_second_runner_on_the_same_vector_directory_is_turned_away_too(self):
        app = self.small(count=self.count)
        with self.stopped_runner(app):
            self.assert_error(app.migrate(expect=LEASE_HELD))
        app.migrate()
        app.verify()

    def test_of_runners_started_together_exactly_one_works(self):
        app = self.served()
        processes = [app.start("run", "--yes") for _ in range(4)]
        codes = []
        threads = [threading.Thread(target=lambda p=p: codes.append((p.communicate(timeout=PATIENCE_S), p.returncode)[1])) for p in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(DONE, codes)
        self.assertLessEqual(set(codes), {DONE, LEASE_HELD})
        self.assertEqual(len(app.documents("rehome_runs")), 1)
        self.assertEqual(len(app.documents("job_items")), self.count)
        app.verify()

    def test_a_dead_runner_is_replaced_at_once(self):
        app = self.served()
        with self.stopped_runner(app) as (process, runner):
            epoch = self.lease(app)["epoch"]
            os.kill(runner, signal.SIGKILL)
            process.wait(PATIENCE_S)
            before = time.monotonic()
            app.migrate()
            self.assertLess(time.monotonic() - before, TTL_S)
        lease = self.lease(app)
        self.assertEqual((lease["epoch"], lease["released"]), (epoch + 1, True))

    def test_a_silent_runner_of_another_host_is_replaced_after_one_time_to_live(self):
        app = self.served(count=20)
        app.migrate("--through", "1")
        self.rewrite_lease(app, host="elsewhere", boot_id="another", released=False)
        before = time.monotonic()
        app.migrate()
        self.assertGreater(time.monotonic() - before, TTL_S)
        app.verify()

    def test_a_renewing_runner_of_another_host_keeps_its_lease(self):
        app = self.served(count=20)
        app.migrate("--through", "1")
        self.rewrite_lease(app, host="elsewhere", boot_id="another", released=False)
        ended = threading.Event()

        def renew():
            while not ended.wait(1):
                self.rewrite_lease(app, counter=bson.Int64(self.lease(app)["counter"] + 1))

        renewer = threading.Thread(target=renew)
        renewer.start()
        try:
            self.assert_error(app.migrate(expect=LEASE_HELD), "elsewhere")
        finally:
            ended.set()
            renewer.join()

    @unittest.skipUnless(shutil.which("unshare"), "unshare")
    def test_a_runner_that_slept_past_its_lease_writes_nothing_more(self):
        """It stands still in a process namespace of its own, where nobody can see whether it lives."""
        app = self.served()
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        prefix = ["unshare", *user, "--pid", "--fork"]
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            harness.skip("mount-namespace")
        with self.stopped_runner(app, prefix=prefix) as (process, runner):
            app.migrate()
            state = {**app.outcome_of_documents(), "journal": app.raw("rehome_runs")}
            os.kill(runner, signal.SIGCONT)
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, LEASE_HELD, said)
            self.assertEqual({**app.outcome_of_documents(), "journal": app.raw("rehome_runs")}, state)
        app.verify()

    def test_interrupting_finishes_the_batch_releases_the_lease_and_resumes(self):
        for by in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(by=by):
                app = self.served()
                process = app.start("run", "--yes")
                next(line for line in process.stderr if "phase 2 items: started" in line)
                process.send_signal(by)
                out, said = process.communicate(timeout=PATIENCE_S)
                self.assertEqual(process.returncode, harness.INTERRUPTED, out + said)
                self.assertTrue(self.lease(app)["released"])
                self.assertEqual(app.status()["state"], "interrupted")
                app.migrate()
                app.verify()


if __name__ == "__main__":
    harness.main()
