#!/usr/bin/env python3
"""How fast does the adapter upsert, against Pinecone's official Python client on the same server?

    build/peers/python/bin/python bench/pinecone_upsert.py [--build build/release] [--count 20000] [--rounds 3]

Needs numpy and pinecone 10.2.0 (the peer `python`). Each way gets a fresh `rehome pinecone-local`; the vectors are made
before any clock starts and are the same for all. Prints the medians and the ratios asked for; exit 1 if one is missed.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

DIMENSION = 1536
KEY = "bench"
# The client's ways: batch sizes that stay under 2 MB a request, of which the best counts (100 lists do not).
BATCHES = {"lists": (90, 75, 60), "numpy": (60, 50)}


def python_way(way, url, file, batch):
    """One way of the official client, in this process; called in a fresh one."""
    import numpy
    from pinecone import Pinecone

    rows = numpy.fromfile(file, dtype=numpy.float32).reshape(-1, DIMENSION)
    if way == "numpy":
        vectors = [{"id": f"v{at}", "values": row, "metadata": {"n": 1}} for at, row in enumerate(rows)]
    else:  # as an embedding service's JSON gives them: nine digits
        vectors = [{"id": f"v{at}", "values": [float(f"{x:.9g}") for x in row.tolist()], "metadata": {"n": 1}}
                   for at, row in enumerate(rows)]
    index = Pinecone(api_key=KEY, host=url).Index(host=url)
    index.describe_index_stats()  # the connection stands
    cpu, start = time.process_time(), time.perf_counter()
    if way == "loop":
        upserted = sum(index.upsert(vectors=vectors[at:at + batch], namespace="bench").upserted_count
                       for at in range(0, len(vectors), batch))
    else:  # a batch that is refused raises nothing
        upserted = index.upsert(vectors=vectors, namespace="bench", batch_size=batch).upserted_count
    if upserted != len(vectors):
        sys.exit(f"{way} in batches of {batch}: {upserted} of {len(vectors)} vectors were taken")
    print(json.dumps({"vectors": len(vectors), "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}))


class Server:
    def __init__(self, build):
        self.build = build

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [self.build / "rehome", "pinecone-local", "--port", "0", "--dir", self.dir.name, "--api-key", KEY],
            stdout=subprocess.PIPE, text=True)
        return self.process.stdout.readline().split()[1]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.dir.cleanup()


def measure(build, command):
    with Server(build) as url:
        answer = subprocess.run([str(part).replace("URL", url) for part in command], capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[1] / "build/release")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", nargs=4, metavar=("WAY", "URL", "FILE", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        way, url, file, batch = options.way
        return python_way(way, url, file, int(batch))

    import numpy
    with tempfile.TemporaryDirectory() as scratch:
        file = os.path.join(scratch, "vectors.f32")
        rows = numpy.random.default_rng(1).standard_normal((options.count, DIMENSION), dtype=numpy.float32)
        (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).tofile(file)
        ways = {("ours", 0): [options.build / "bench/pinecone_upsert", "URL", KEY, file, DIMENSION]}
        for way, batches in (*BATCHES.items(), ("loop", BATCHES["lists"])):
            for batch in batches:
                ways[way, batch] = [sys.executable, __file__, "--way", way, "URL", file, batch]
        results = {way: [] for way in ways}
        for _ in range(options.rounds):  # interleaved: what disturbs one round disturbs all ways
            for way, command in ways.items():
                results[way].append(measure(options.build, command))

    def best(way, key):
        medians = [statistics.median(one[key] for one in found) for (name, _), found in results.items() if name == way]
        return min(medians)

    ours = {key: best("ours", key) for key in ("seconds", "cpu")}
    missed = False
    print(f"{'way':10} {'vectors/s':>10} {'CPU us each':>12}")
    for way in ("ours", "lists", "loop", "numpy"):
        print(f"{way:10} {options.count / best(way, 'seconds'):10.0f} {best(way, 'cpu') / options.count * 1e6:12.1f}")
    for way, key, asked in (("lists", "seconds", 1.5), ("loop", "seconds", 2), ("numpy", "seconds", 2.5)):
        ratio = best(way, key) / ours[key]
        missed |= ratio < asked
        print(f"speed against {way}: {ratio:.2f} (asked: at least {asked})")
    for way, asked in (("lists", 0.4), ("numpy", 0.25)):
        ratio = ours["cpu"] / best(way, "cpu")
        missed |= ratio > asked
        print(f"CPU against {way}: {ratio:.2f} (asked: at most {asked})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
