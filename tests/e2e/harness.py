"""One application in a directory of its own, and rehome used on it as a person uses it: the binary, its files, its exit codes.

What the stores hold is read by programs that share nothing with rehome: SQLite's and MongoDB's own Python modules for
documents, plain HTTP against `rehome pinecone-local` for vectors. Collections' layout: src/adapters/sqlite/catalog.h.
"""
import contextlib
import functools
import hashlib
import inspect
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BINARY = os.environ.get("REHOME_BINARY", str(SOURCE / "build/release/rehome"))
BINARY_AT = os.environ.get("REHOME_AT_BINARY", str(SOURCE / "build/release/rehome_at"))
REAL_DATA = pathlib.Path(os.environ.get("REHOME_APP_DATA", SOURCE / "../shared/data/app"))
NODE_DOTENV = SOURCE / "build/peers/node/node_modules/dotenv"
PLAN = SOURCE / "plans/portfolio.yaml"

LEGACY = ("training_data", "chunks", "embeddings", "proposals")
ORGANIZATIONS, PROFILES, ITEMS = "organizations", "freelancer_profiles", "portfolio_items"
OLD_NAMESPACE, NEW_NAMESPACE = "proposals", "portfolio_default-org"
ENV_TEXT = "# the application's own\nDEBUG=false\nPINECONE_NAMESPACE=proposals\nPORT=8080\n"

DONE, CHECK_FAILED, USAGE, REFUSED, UNREACHABLE, INTERRUPTED, QUARANTINED, LEASE_HELD = 0, 1, 2, 3, 4, 5, 6, 7

_CODEC = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
_PATIENCE_S = 240


class Answer:
    """What one call of the binary left: `exit`, `out`, `err`."""

    def __init__(self, args, exit_code, out, err):
        self.args, self.exit, self.out, self.err = args, exit_code, out, err

    @property
    def json(self):
        """stdout as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def text(self):
        return self.out + self.err

    def __str__(self):
        return f"{' '.join(self.args)}\n  exit {self.exit}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class App:
    """`dir` is the working directory; it holds plan (rehome.yaml), .env and both stores. Nothing of the caller's
    environment but PATH gets in; HOME and the cache lie beside `dir`, below `root`."""

    def __init__(self, plan=PLAN, env_text=ENV_TEXT):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rehome-e2e-"))
        self.dir = self.root / "app"
        for directory in (self.dir, self.root / "home", self.root / "cache"):
            directory.mkdir()
        self.plan = self.dir / "rehome.yaml"
        shutil.copy(plan, self.plan)
        self.plan.chmod(0o644)
        self.env_file = self.dir / ".env"
        if env_text is not None:
            self.env_file.write_bytes(env_text.encode() if isinstance(env_text, str) else env_text)
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.root / "home"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "MONGODB_URI": "sqlite:app.db",
            "PINECONE_INDEX": "local:vectors",
            # The driver's counters lie in shared memory by process number. Another program of it that was killed leaves
            # them behind, and who gets its number then hears of it on stderr.
            "MONGOC_DISABLE_SHM": "1",
        }

    def copy(self):
        """An application of its own with the same files."""
        twin = type(self)()
        shutil.rmtree(twin.root)
        shutil.copytree(self.root, twin.root, symlinks=True)
        twin.env.update({name: value for name, value in self.env.items() if name not in ("HOME", "XDG_CACHE_HOME")})
        return twin

    def remove(self):
        for directory, _, _ in os.walk(self.root):
            os.chmod(directory, 0o700)
        shutil.rmtree(self.root, ignore_errors=True)

    # --- the binary

    def start(self, *args, binary=BINARY, env=None, **popen):
        return subprocess.Popen(
            [binary, *map(str, args)], cwd=self.dir, env={**self.env, **(env or {})}, text=True, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def run(self, *args, expect=DONE, **start):
        """`expect`: the exit code or codes that are right; None: any."""
        process = self.start(*args, **start)
        try:
            out, err = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"no end after {_PATIENCE_S} s: {Answer(args, process.returncode, out, err)}") from None
        answer = Answer([str(arg) for arg in args], process.returncode, out, err)
        allowed = expect if isinstance(expect, tuple) else (expect,)
        if expect is not None and answer.exit not in allowed:
            raise AssertionError(f"expected exit {expect}: {answer}")
        return answer

    def json(self, *args, **run):
        return self.run(*args, "--json", **run).json

    def at(self, hours, *args, **run):
        """The same with the binary's wall clock `hours` ahead."""
        return self.run(*args, **ahead(hours), **run)

    def stop_after(self, seconds, *args, by=signal.SIGINT, **start):
        """Starts it, sends the signal `by` after `seconds`, and waits. An Answer; its exit is negative after SIGKILL."""
        process = self.start(*args, **start)
        timer = threading.Timer(seconds, process.send_signal, (by,))
        timer.start()
        try:
            out, err = process.communicate(timeout=_PATIENCE_S)
        finally:
            timer.cancel()
        return Answer([str(arg) for arg in args], process.returncode, out, err)

    def status(self):
        return self.json("status")

    def phase(self, number):
        return next(phase for phase in self.status()["phases"] if phase["phase"] == number)

    def restore_point(self, number):
        """The newest of that phase, or None."""
        points = [point for point in self.status()["restore_points"] if point["phase"] == number]
        return points[-1] if points else None

    # --- documents

    @contextlib.contextmanager
    def sqlite(self, write=False, file="app.db"):
        """The file itself for writing, a copy for reading (so that reading leaves no trace beside the file)."""
        path = self.dir / file
        with tempfile.TemporaryDirectory() as scratch:
            if not write:
                for suffix in ("", "-wal"):
                    if os.path.exists(f"{path}{suffix}"):
                        shutil.copy(f"{path}{suffix}", f"{scratch}/copy.db{suffix}")
                path = pathlib.Path(scratch) / "copy.db"
            connection = sqlite3.connect(path, timeout=60)
            connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            try:
                with connection:
                    yield connection
            finally:
                connection.close()

    def collections(self, file="app.db"):
        """Names of those that exist, the journal's own among them."""
        if not (self.dir / file).exists():
            return set()
        with self.sqlite(file=file) as db:
            return {name for (name,) in db.execute('SELECT name FROM "$:collections" WHERE present = 1')}

    def raw(self, collection, file="app.db"):
        """The BSON of every document, in the order of `_id`; [] where there is no such collection."""
        if collection not in self.collections(file):
            return []
        with self.sqlite(file=file) as db:
            return [bytes(row[0]) for row in db.execute(f'SELECT document FROM "{collection}" ORDER BY key')]

    def documents(self, collection, file="app.db"):
        return [bson.decode(raw, _CODEC) for raw in self.raw(collection, file)]

    def legacy(self):
        """Everything that must stay as it was: BSON bytes and vectors."""
        return {**{name: self.raw(name) for name in LEGACY}, "vectors": self.vectors(OLD_NAMESPACE)}

    def write(self, collection, change, where=lambda document: True, count=1, file="app.db"):
        """Another program's write: the first `count` documents for which `where` holds become `change(document)`, or
        are deleted where that gives None. The documents as they were."""
        written = []
        with self.sqlite(write=True, file=file) as db:
            for key, raw in db.execute(f'SELECT key, document FROM "{collection}" ORDER BY key').fetchall():
                document = bson.decode(raw, _CODEC)
                if len(written) == count or not where(document):
                    continue
                written.append(bson.decode(raw, _CODEC))
                changed = change(document)
                if changed is None:
                    db.execute(f'DELETE FROM "{collection}" WHERE key = ?', (key,))
                else:
                    db.execute(f'UPDATE "{collection}" SET document = ? WHERE key = ?', (bson.encode(changed), key))
        assert len(written) == count, f"{collection} holds {len(written)} of {count} such documents"
        return written

    def insert(self, collection, document, file="app.db"):
        """Another program's insert. Its `_id` is an ObjectId, in whose key the twelve bytes stand as they are."""
        new = document["_id"].binary
        with self.sqlite(write=True, file=file) as db:
            for key, id_bytes in db.execute(f'SELECT key, id FROM "{collection}"').fetchall():
                if id_bytes[0] == 7 and id_bytes[1:] in key:
                    break
            else:
                raise AssertionError(f"{collection} holds no ObjectId to learn the key's form from")
            db.execute(f'INSERT INTO "{collection}"(key, id, document) VALUES(?, ?, ?)',
                       (key.replace(id_bytes[1:], new), bytes([7]) + new, bson.encode(document)))

    # --- vectors

    @contextlib.contextmanager
    def index(self, directory="vectors"):
        """The vectors over HTTP, as any client of Pinecone sees them."""
        server = self.start("pinecone-local", "--port", "0", "--dir", self.dir / directory)
        try:
            line = server.stdout.readline()
            assert line.startswith("ready "), line + server.stderr.read()
            yield Index(line.split()[1])
        finally:
            server.terminate()
            server.communicate(timeout=_PATIENCE_S)

    def namespaces(self, directory="vectors"):
        """Vector counts by namespace; {} before anything was written."""
        if not (self.dir / directory).exists():
            return {}
        with self.index(directory) as index:
            return index.namespaces()

    def vectors(self, namespace, directory="vectors"):
        """Records by id: {"id", "values", "metadata"}."""
        if not (self.dir / directory).exists():
            return {}
        with self.index(directory) as index:
            return index.vectors(namespace)

    def outcome(self):
        """What a run leaves for the application, whatever happened on the way: documents' bytes and vectors."""
        new = {name: self.raw(name) for name in (ORGANIZATIONS, PROFILES, ITEMS)}
        return {**new, NEW_NAMESPACE: self.vectors(NEW_NAMESPACE), ".env": self.env_file.read_bytes()}


class Index:
    """Pinecone's REST API over plain HTTP; fails loudly on any other answer than 200."""

    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None, **query):
        url = f"{self.url}{path}?{urllib.parse.urlencode(query, doseq=True)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def namespaces(self):
        stats = self.call("POST", "/describe_index_stats", {})
        return {name: space["vectorCount"] for name, space in stats.get("namespaces", {}).items()}

    def ids(self, namespace):
        found, token = [], {}
        while True:
            page = self.call("GET", "/vectors/list", namespace=namespace, limit=100, **token)
            found += [vector["id"] for vector in page.get("vectors", [])]
            token = {"paginationToken": (page.get("pagination") or {}).get("next")}
            if not token["paginationToken"]:
                return found

    def vectors(self, namespace):
        if namespace not in self.namespaces():
            return {}
        found, ids = {}, self.ids(namespace)
        for at in range(0, len(ids), 100):
            page = self.call("GET", "/vectors/fetch", namespace=namespace, ids=ids[at:at + 100])
            found.update(page["vectors"])
        return found

    def upsert(self, namespace, records):
        return self.call("POST", "/vectors/upsert", {"namespace": namespace, "vectors": records})

    def delete(self, namespace, ids):
        return self.call("POST", "/vectors/delete", {"namespace": namespace, "ids": ids})


# --- input

def skip(name):
    """Skips the calling test under a name that stands in skips.txt; any other name fails."""
    known = {line.split(":")[0] for line in (HERE / "skips.txt").read_text().splitlines() if not line.startswith("#")}
    if name not in known:
        raise AssertionError(f"{name} is no skip that tests/e2e/skips.txt knows")
    raise unittest.SkipTest(name)


def real_data():
    """The application data that another team wrote. It lies outside this tree."""
    if not (REAL_DATA / "documents").is_dir():
        skip("real-application-data")
    return REAL_DATA


@functools.cache
def demo_data():
    """The export of the application that `rehome demo` makes."""
    app = App()
    app.run("demo", "--dir", app.dir / "demo")
    _scratch.append(app)
    return app.dir / "demo/export"


def any_data():
    """Real data where there is some, the demo's elsewhere: for tests that hold for both."""
    return REAL_DATA if (REAL_DATA / "documents").is_dir() else demo_data()


_scratch = []


def _loaded(app_type, data, plan):
    app = app_type(plan=plan)
    app.run("load", "rehome.yaml", "--from", data, "--yes")
    _scratch.append(app)
    return app


_loaded_once = functools.cache(_loaded)


def tearDownModule():
    """Every test file imports it: unittest calls it once after the file's last test."""
    for cached in (demo_data, _loaded_once):
        cached.cache_clear()
    while _scratch:
        _scratch.pop().remove()


class Case(unittest.TestCase):
    """A test that is given applications; they are removed after it."""

    maxDiff = 4000
    app_type = App

    def app(self, **make):
        """An empty one."""
        return self._own(self.app_type(**make))

    def loaded(self, data=None, env_text=ENV_TEXT, plan=PLAN):
        """One whose legacy data stands in its stores."""
        app = self._own(_loaded_once(self.app_type, data or any_data(), plan).copy())
        app.plan.write_text(app.plan.read_text().replace("quiet: 5s", "quiet: 100ms"))  # nobody else writes here
        if env_text is None:
            app.env_file.unlink()
        else:
            app.env_file.write_bytes(env_text.encode() if isinstance(env_text, str) else env_text)
        return app

    def ran(self, through=4, data=None):
        """One on which the phases up to `through` ran."""
        app = self.loaded(data)  # a run knows its stores by their absolute paths, so it is not copied
        app.run("run", "--through", through, "--yes")
        return app

    def _own(self, app):
        self.addCleanup(app.remove)
        return app

    def assert_error(self, answer, *words):
        """`answer` says on stderr what failed and what to do next, and every one of `words`."""
        for word in ("rehome: ", "next: ", *words):
            self.assertIn(word, answer.err, str(answer))

    def assert_untouched(self, before, app):
        for name, value in app.legacy().items():
            self.assertEqual(before[name] == value, True, f"legacy {name} was changed")


def ahead(hours):
    """Arguments of App.start for a binary whose wall clock is `hours` ahead."""
    return {"binary": BINARY_AT, "env": {"REHOME_TEST_CLOCK_OFFSET_MS": str(int(hours * 3_600_000))}}


def digests(*directories):
    """SHA-256, mode and kind of everything below `directories`, by path."""
    found = {}
    for directory in map(pathlib.Path, directories):
        for path in sorted(directory.rglob("*")):
            status = path.lstat()
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = (stat.filemode(status.st_mode), content)
    return found


def as_python_reads(path):
    """The variables of an .env file by PyPI's python-dotenv."""
    import dotenv
    return dict(dotenv.dotenv_values(path, interpolate=False, encoding="utf-8"))


def as_node_reads(path):
    """The variables of an .env file by npm's dotenv."""
    program = ("process.stdout.write(JSON.stringify(require(process.argv[1]).parse("
               "require('fs').readFileSync(process.argv[2]))))")
    reply = subprocess.run(["node", "-e", program, str(NODE_DOTENV), str(path)], capture_output=True, text=True, check=True,
                           encoding="utf-8")
    return json.loads(reply.stdout)


def main():
    """unittest, with the skips that happened printed last: ctest's output names them."""
    module = inspect.getmodule(inspect.stack()[1][0])
    program = unittest.main(module=module, exit=False, verbosity=2)
    for _, reason in program.result.skipped:
        print(f"skipped: {reason}")
    raise SystemExit(not program.result.wasSuccessful())
