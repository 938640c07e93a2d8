"""The vector server dies under a run (kill -9): the run says so, and goes on when the server is back, with nothing lost."""
import signal
import threading
import time

import harness
from harness import INTERRUPTED, UNREACHABLE, tearDownModule  # noqa: F401
from killing import Undisturbed, finish
from small_application import Case, VectorServer

COUNT = 1500
SLICES = 3
PATIENCE_S = 240


class ServerKilled(Case):
    def application(self, **changes):
        """Its vectors behind a server of their own. (application, server)"""
        app = self.small(loaded=False, count=COUNT, **changes)
        server = VectorServer(app)
        self.addCleanup(lambda: server.stop(signal.SIGKILL))
        app.contents["vectors"] = server.url
        app.write_plan()
        app.load()
        return app, server

    def expected(self):
        app, server = self.application()
        undisturbed = Undisturbed(app, "run", "--yes")
        server.stop()
        return undisturbed, self.without_places(app.outcome())

    @staticmethod
    def without_places(outcome):
        return {name: value for name, value in outcome.items() if name != ".env"}

    def die_in(self, app, server, mark, seconds):
        """Runs and kills the server `seconds` after `mark`. (exit code, stderr)"""
        process = app.start("run", "--yes")
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        said = []
        for line in process.stderr:
            said.append(line)
            if line == mark:
                break
        time.sleep(seconds)  # the moment itself
        server.stop(signal.SIGKILL)
        said += process.stderr
        reader.join()
        code = process.wait(PATIENCE_S)
        for stream in (process.stdout, process.stderr):
            stream.close()
        return code, "".join(said)

    def restarted(self, app, server):
        again = VectorServer(app, port=server.port)
        self.addCleanup(lambda: again.stop(signal.SIGKILL))
        return again

    def test_a_run_goes_on_when_the_server_is_back(self):
        undisturbed, expected = self.expected()
        vectors_phase = [(mark, seconds) for mark, seconds in undisturbed.moments(SLICES) if mark and ("phase 3" in mark or "phase 0" in mark)]
        for mark, seconds in vectors_phase:
            with self.subTest(after=mark, seconds=round(seconds, 3)):
                app, server = self.application()
                code, said = self.die_in(app, server, mark, seconds)
                self.assertIn(code, (UNREACHABLE, INTERRUPTED), said)
                self.assertIn("next: ", said)
                again = self.restarted(app, server)
                finish(app, "run", "--yes")
                again.stop()
                self.assertEqual(self.without_places(app.outcome()) == expected, True)

    def test_a_server_that_is_back_at_once_is_waited_for(self):
        undisturbed, expected = self.expected()
        mark, seconds = next((mark, seconds) for mark, seconds in undisturbed.stretches if mark and "phase 3" in mark)
        app, server = self.application()
        process = app.start("run", "--yes")
        next(line for line in process.stderr if line == mark)
        time.sleep(seconds / 2)  # the moment itself
        server.stop(signal.SIGKILL)
        again = self.restarted(app, server)
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, harness.DONE, said)
        again.stop()
        self.assertEqual(self.without_places(app.outcome()) == expected, True)

    def test_a_server_that_is_away_is_said_and_nothing_is_begun(self):
        app, server = self.application()
        server.stop(signal.SIGKILL)
        before = app.raw("jobs")
        for verb in (["run", "--yes"], ["check"], ["plan"], ["backup", "create"]):
            with self.subTest(verb=verb):
                answer = app.run(*verb, expect=UNREACHABLE)
                self.assertIn(server.url.removeprefix("http://"), answer.text)
        self.assertEqual((app.raw("jobs"), app.raw("job_items")), (before, []))


if __name__ == "__main__":
    harness.main()
