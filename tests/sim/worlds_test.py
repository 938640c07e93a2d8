"""`rehome torture` in numbers: the same worlds in every run, others by REHOME_SEED.

REHOME_WORLDS and REHOME_WORLDS_ON_FILES say how many; a world that is not survived is printed with the one command that lives
it again.
"""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BINARY = os.environ.get("REHOME_BINARY", str(SOURCE / "build/release/rehome"))
PLAN = HERE / "plan.yaml"
WORLDS = int(os.environ.get("REHOME_WORLDS", "100000"))
WORLDS_ON_FILES = int(os.environ.get("REHOME_WORLDS_ON_FILES", "2000"))
SEED = int(os.environ.get("REHOME_SEED", "1"))

# Each is to happen in at least one world of so many.
HAPPENS_IN_ONE_OF = {
    "crashes at a write": 20, "crashes at a read": 10, "replies lost after the effect": 10, "batches written in part": 10,
    "refusals for load (429) or for a full disk": 10, "reads that lagged behind an upsert": 10, "clock jumps": 10,
    "leases taken over from a runner that stood still": 20, "documents moved between tenants": 10,
    "cutovers reverted": 10, "runs rolled back": 10, "backups of phase 0 made and proved": 50, "old sides retired": 100,
    "retirements given up": 500, "retirements undone": 500, "cutovers reverted after retire": 500}


class Worlds(unittest.TestCase):
    def live(self, seed, worlds, *options):
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as elsewhere:  # its source is not there: the documents are made up
            done = subprocess.run([BINARY, "torture", str(PLAN), "--seed", str(seed), "--worlds", str(worlds), "--json", *options],
                                  cwd=elsewhere, capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        print(f"{report['worlds']} worlds {options} from seed {seed} in {time.monotonic() - start:.0f} s: {report['survived']}",
              flush=True)
        self.assertTrue(report["passed"], "".join(f"\nseed {failure['seed']}: {failure['what']}\n  again: {failure['replay']}"
                                                  for failure in report["failures"]))
        self.assertEqual(report["worlds"], worlds)
        return report["survived"]

    def happened(self, survived, worlds):
        for what, one_of in HAPPENS_IN_ONE_OF.items():
            if worlds >= 10 * one_of:
                self.assertGreaterEqual(survived.get(what, 0) * one_of, worlds, what)

    def test_without_a_fence(self):
        worlds = max(WORLDS // 20, 1)
        survived = self.live(SEED, worlds, "--set", "cutover.fence=none")
        self.assertGreaterEqual(survived.get("stragglers on the old side", 0) * 10, worlds)

    def test_in_memory(self):
        self.happened(self.live(SEED, WORLDS), WORLDS)

    def test_on_sqlite_files(self):
        self.happened(self.live(SEED, WORLDS_ON_FILES, "--stores", "sqlite"), WORLDS_ON_FILES)


if __name__ == "__main__":
    unittest.main()
