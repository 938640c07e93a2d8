"""The way to MongoDB is spoilt, or the server dies and comes back: a run ends where the undisturbed one ends, perhaps only when called again."""
import functools
import itertools
import threading
import time

import harness
from harness import DONE, INTERRUPTED, UNREACHABLE, tearDownModule  # noqa: F401
from mongodb_application import Case, MongoServer, SmallMongoApp, leave_out, shared_server, tests_of
from replica_set import ReplicaSet
from small_application import MANY_TENANTS, wait_until
from toxiproxy import Toxiproxy

COUNT = 150
PATIENCE_S = 240
ATTEMPTS_MAX = 6
PHASES = tuple(f"phase {number} {name}: started\n" for number, name in enumerate(("prepare", "tenants", "items", "vectors", "cutover")))
RUN = ("run", "--online", "--yes")


@functools.cache
def undisturbed():
    """What a run leaves that nothing disturbs."""
    app = SmallMongoApp(count=COUNT, tenants=MANY_TENANTS)
    try:
        app.load()
        app.run(*RUN)
        return app.outcome()
    finally:
        app.remove()


class Faults(Case):
    maxDiff = 400

    def application(self, **place):
        return self.small(count=COUNT, tenants=MANY_TENANTS, **place)

    def disturbed(self, app, mark, disturb, after_s=0.05):
        """Runs; when it says `mark`, `disturb` is called, which returns when the way is free again. Then it is called until it
        is done. The exit codes."""
        process = app.start(*RUN)
        out = threading.Thread(target=process.stdout.read)
        out.start()
        said = list(itertools.takewhile(lambda line: line != mark, process.stderr))
        rest = threading.Thread(target=lambda: said.extend(process.stderr))
        rest.start()
        time.sleep(after_s)  # the moment itself
        disturb()
        codes = [process.wait(PATIENCE_S)]
        for thread in (out, rest):
            thread.join()
        for stream in (process.stdout, process.stderr):
            stream.close()
        while codes[-1] != DONE and len(codes) < ATTEMPTS_MAX:
            self.assertIn(codes[-1], (INTERRUPTED, UNREACHABLE), "".join(said))
            self.assertIn("next: ", "".join(said))
            answer = app.run(*RUN, expect=None)
            codes.append(answer.exit)
            said = [answer.err]
        self.assertEqual(codes[-1], DONE, "".join(said))
        return codes

    def assert_as_undisturbed(self, app):
        expected = undisturbed()
        for name, value in app.outcome().items():
            self.assertTrue(value == expected[name], f"another {name} than undisturbed")
        self.assertEqual(app.status()["state"], "cut_over")
        app.verify()

    def through(self, kind, for_s, marks, **toxic):
        for mark in marks:
            with self.subTest(toxic=kind, mark=mark.strip()), Toxiproxy(shared_server().port) as proxy:
                app = self.application(door=proxy.port)

                def disturb():
                    with proxy.toxic(kind, **toxic):
                        time.sleep(for_s)  # that long

                self.disturbed(app, mark, disturb)
                self.assert_as_undisturbed(app)

    def test_a_slow_way(self):
        self.through("latency", 3, [PHASES[2]], latency=40, jitter=30)

    def test_connections_that_are_reset(self):
        self.through("reset_peer", 0.3, PHASES[1:], timeout=20)

    def test_requests_that_are_reset_on_their_way(self):
        self.through("reset_peer", 0.3, PHASES[2:4], timeout=5, stream="upstream")

    def test_half_open_connections(self):
        """Replies no longer come, and nothing says so."""
        self.through("timeout", 2, PHASES[2:4], timeout=0)

    def test_requests_that_arrive_nowhere(self):
        self.through("timeout", 2, [PHASES[3]], timeout=0, stream="upstream")

    def test_connections_that_close_slowly(self):
        self.through("slow_close", 1, [PHASES[2]], delay=500)

    def test_replies_that_are_cut_off(self):
        self.through("limit_data", 0.3, PHASES[2:4], bytes=2000)

    def test_a_server_that_refuses_for_a_while(self):
        for mark in PHASES[2:4]:
            with self.subTest(mark=mark.strip()), Toxiproxy(shared_server().port) as proxy:
                app = self.application(door=proxy.port)

                def disturb():
                    with proxy.refusing():
                        time.sleep(1)  # that long

                self.disturbed(app, mark, disturb)
                self.assert_as_undisturbed(app)


class ServerKilled(Faults):
    """kill -9 of a server that has on disk what it acknowledged. Without an oplog: mongo-java-server on disk tells its entries in
    the order of their random keys, so that a change stream there neither ends nor goes on where it stood."""

    def test_and_started_again_in_the_middle_of_each_phase(self):
        with MongoServer("h2", oplog=False) as server:
            for mark in PHASES:
                with self.subTest(mark=mark.strip()):
                    app = self.application(server=server)
                    self.disturbed(app, mark, server.restart)
                    self.assert_as_undisturbed(app)

    def test_and_away_until_the_run_has_given_up(self):
        with MongoServer("h2", oplog=False) as server:
            app = self.application(server=server)
            process = app.start(*RUN)
            next(line for line in process.stderr if line == PHASES[3])
            server.kill()
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertIn(process.returncode, (INTERRUPTED, UNREACHABLE), said)
            self.assertIn("next: ", said)
            self.assertIn(str(server.port), said)
            server.restart()
            app.run(*RUN)
            self.assert_as_undisturbed(app)


class PrimaryDead(Faults):
    """The primary of a replica set dies with its cursors and comes back with what it acknowledged."""

    @classmethod
    def setUpClass(cls):
        cls.server = ReplicaSet(shared_server())
        cls.addClassCleanup(cls.server.close)

    def die(self):
        with self.server.away() as met:
            wait_until(lambda: met() >= 5, "requests that meet nobody")

    def test_and_back_in_the_middle_of_each_phase(self):
        for mark in PHASES:
            with self.subTest(mark=mark.strip()):
                app = self.application(server=self.server)
                self.disturbed(app, mark, self.die)
                self.assert_as_undisturbed(app)

    def test_under_a_follower_which_goes_on_where_it_stood(self):
        app = self.small(count=30, server=self.server)
        app.contents["cutover"]["fence"] = "none"
        app.write_plan()
        app.migrate("--online")
        process = app.start("run", "--online", "--follow", "--yes")
        self.addCleanup(process.kill)
        for title in ("Before", "After"):
            app.change("jobs", "job 1", title=title)
            wait_until(lambda: app.document("job_items", "job 1")["title"] == title, "the straggler")
            self.die()
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, INTERRUPTED, said)
        app.migrate("--online")  # what was on its way
        app.verify()


leave_out(PrimaryDead, *tests_of(Faults))
leave_out(ServerKilled, *tests_of(Faults))


if __name__ == "__main__":
    harness.main()
