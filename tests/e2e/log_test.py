"""The log file while somebody rotates it: `log: { file }`, SIGHUP."""
import json
import signal
import stat
import unittest

from small_application import Case, wait_until
from harness import tearDownModule  # noqa: F401

PHASES = ["prepare", "tenants", "items", "vectors"]


def lines(path):
    """The whole lines of a file that may be written to at this moment."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


class LogTest(Case):
    def application(self):
        # Slow enough to be rotated in between.
        return self.small(log={"file": "rehome.jsonl"}, limits={"vectors_per_s": 5})

    def start(self, app, log):
        process = app.start("run", "--through", "3", "--yes")
        wait_until(lambda: any(line["event"] == "phase_started" and line["phase"] == 3 for line in lines(log)), "phase 3 in the log")
        return process

    def test_a_rotated_log_goes_on_in_a_new_file_and_loses_no_line(self):
        app = self.application()
        log, rotated = app.dir / "rehome.jsonl", app.dir / "rehome.jsonl.1"
        process = self.start(app, log)
        log.rename(rotated)
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(stat.S_IMODE(log.stat().st_mode), 0o600)
        before, after = lines(rotated), lines(log)
        self.assertEqual(after[-1]["event"], "phase_finished")
        self.assertLessEqual(before[-1]["time"], after[0]["time"])
        both = before + after
        for event in ("phase_started", "phase_finished"):
            self.assertEqual([line["name"] for line in both if line["event"] == event], PHASES)

    def test_sighup_without_a_rotation_goes_on_in_the_same_file(self):
        app = self.application()
        log = app.dir / "rehome.jsonl"
        process = self.start(app, log)
        known = lines(log)
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(lines(log)[:len(known)], known)
        self.assertEqual(lines(log)[-1]["event"], "phase_finished")

    def test_sighup_harms_no_command_without_a_log(self):
        app = self.small(limits={"vectors_per_s": 5})
        process = app.start("run", "--through", "3", "--yes")
        wait_until(lambda: "job_items" in app.collections(), "phase 2")
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        app.verify()

    def test_a_log_that_cannot_be_opened_anew_stops_nothing(self):
        app = self.application()
        log = app.dir / "rehome.jsonl"
        process = self.start(app, log)
        log.unlink()
        log.mkdir()
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        app.verify()


if __name__ == "__main__":
    unittest.main()
