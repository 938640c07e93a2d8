"""A small application of the tests' own: its export is generated from a seed, its plan is a Python dict (JSON is YAML).

Nothing in it is called as in plans/portfolio.yaml, so that a name of that plan in the code would be found.
"""

import contextlib
import copy
import json
import random
import shutil
import signal
import sqlite3
import struct
import time

import bson
from bson import json_util

import harness

DIMENSION = 16

PLAN = {
    "rehome": 1,
    "name": "letters",
    "documents": "sqlite:app.db",
    "vectors": "local:vectors",
    "backup": {"dir": "backups", "collections": ["jobs", "letters"], "namespaces": ["letters"]},
    "tenants": {
        "organizations": [{"org_id": "org_acme", "slug": "acme", "name": "Acme"}],
        "profiles": [{"profile_id": "prof_ann", "org_id": "org_acme", "name": "Ann"}],
        "assign": {"org_id": "org_acme", "profile_id": "prof_ann"},
    },
    "items": {
        "from": "jobs",
        "to": "job_items",
        "id": "job_{_id}",
        "fields": {"client": {"first_non_empty": ["client", "title"]}, "title": "title", "topics": {"from": "topics", "take": 5}},
        "drop": ["internal", "team"],
        "schema": {"required": ["client", "title"], "properties": {"client": {"bsonType": "string"}, "title": {"bsonType": "string"}}},
    },
    "index": {
        "namespace": "jobs_{org.slug}",
        "embedder": {"provider": "hashing", "dimensions": DIMENSION},
        "text": "{client}: {title}. {topics}",
        "metadata": ["org_id", "profile_id", "item_id", "client", "topics"],
    },
    "verify": {"probes": {"from": "letters", "field": "job", "top_k": 3}, "proposals": {"generator": "template"}},
    "cutover": {"env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "100ms"},
    "retire": {"after": "24h", "collections": ["jobs"], "namespaces": ["letters"]},
}

MANY_TENANTS = {
    "organizations": [{"org_id": "org_acme", "slug": "acme"}, {"org_id": "org_bolt", "slug": "bolt"}, {"org_id": "org_cord", "slug": "cord"}],
    "profiles": [
        {"profile_id": "prof_ann", "org_id": "org_acme"},
        {"profile_id": "prof_bea", "org_id": "org_bolt"},
        {"profile_id": "prof_bob", "org_id": "org_bolt"},
        {"profile_id": "prof_cleo", "org_id": "org_cord"},
    ],
    "assign": [
        {"match": {"field": "team", "equals": "red"}, "org_id": "org_acme", "profile_id": "prof_ann"},
        {"lookup": {"field": "client", "file": "clients.csv"}},
        {"default": {"org_id": "org_cord", "profile_id": "prof_cleo"}},
    ],
}
CLIENTS_CSV = "key,org_id,profile_id\nBolt Ltd,org_bolt,prof_bea\n\"Nuts, Inc.\",org_bolt,prof_bob\n"

CLIENTS = ["Acme", "Bolt Ltd", "Nuts, Inc.", "Delta", "Café Øre"]
TEAMS = ["red", "green", "blue", None]
VERBS = ["Write", "Mend", "Design", "Test", "Tune", "Move"]
THINGS = ["shop", "site", "report", "database", "mail robot", "garden plan", "bank link", "school book"]
TOPICS = ["go", "sql", "css", "paint", "maps", "sound", "law", "tea"]


def job_id(number):
    """Four `_id` types in turn, none of them random."""
    kind = number % 4
    if kind == 0:
        return bson.ObjectId(f"{number:024x}")
    if kind == 1:
        return f"job {number}"
    return number if kind == 2 else float(number) + 0.5


def job(number, chance):
    document = {"_id": job_id(number), "client": chance.choice(CLIENTS), "title": f"{chance.choice(VERBS)} a {chance.choice(THINGS)} {number}"}
    document["topics"] = chance.sample(TOPICS, chance.randint(0, 4))
    team = chance.choice(TEAMS)
    if team is not None:
        document["team"] = team
    document["internal"] = {"cost": bson.Decimal128(f"{number}.25"), "weight": float("inf") if number % 7 == 0 else number / 3}
    return document


def jobs(count, seed=1):
    chance = random.Random(seed)
    return [job(number, chance) for number in range(1, count + 1)]


def letters(count=6):
    return [{"_id": f"letter {n}", "job": f"{VERBS[n % 6]} a {THINGS[n % 8]}", "text": "Dear client"} for n in range(count)]


def item_id(source_id):
    """docs/item-ids.md for the types that job_id gives."""
    if isinstance(source_id, bson.ObjectId):
        return f"job_{source_id}"
    if isinstance(source_id, str):
        return "job_s~" + source_id.replace(" ", "%20")
    return f"job_n~{source_id}"


def export_line(document):
    return json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS)


def write_export(directory, collections, namespaces):
    """mongoexport's files and Pinecone upsert records, as `rehome load` takes them."""
    for part in ("documents", "vectors"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    for name, documents in collections.items():
        (directory / "documents" / f"{name}.json").write_text("".join(export_line(d) + "\n" for d in documents))
    for name, records in namespaces.items():
        (directory / "vectors" / f"vectors_{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))


def legacy_vectors(count=8, dimension=DIMENSION):
    chance = random.Random(7)
    return [{"id": f"v{n}", "values": [round(chance.uniform(-1, 1), 4) for _ in range(dimension)], "metadata": {"n": n}} for n in range(count)]


class VectorServer(harness.Index):
    """`rehome pinecone-local` as a process of its own."""

    def __init__(self, app, port=0, options=()):
        self.process = app.start("pinecone-local", "--port", port, "--dir", app.dir / "vectors", *options)
        ready = self.process.stdout.readline()
        if not ready.startswith("ready "):
            raise AssertionError(f"pinecone-local did not start: {self.process.communicate()[1]}")
        super().__init__(ready.split()[1])

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def update(self, namespace, vector_id, **changes):
        return self.call("POST", "/vectors/update", {"namespace": namespace, "id": vector_id, **changes})

    def stop(self, by=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(by)
        self.process.communicate()


class Refused(Exception):
    """A fence turned a write of the application away."""


class SqliteSession:
    """The application's own connection, without rehome: rows of documents that were there when it began, and of new
    ones that sqlite_key knows."""

    def __init__(self, app):
        self.db = sqlite3.connect(app.dir / "app.db", timeout=60, isolation_level=None)
        self.keys = {item_id(bson.decode(raw)["_id"]): (bytes(key), encoded)
                     for key, encoded, raw in self.db.execute("SELECT key, id, document FROM jobs")}

    def insert(self, collection, document):
        key, encoded = self.keys.get(item_id(document["_id"])) or sqlite_key(document["_id"])
        self.keys[item_id(document["_id"])] = key, encoded
        self._write(f'INSERT INTO "{collection}"(key, id, document) VALUES(?, ?, ?)', key, encoded, bson.encode(document))

    def replace(self, collection, document):
        self._write(f'UPDATE "{collection}" SET document = ? WHERE key = ?', bson.encode(document), self._key(document["_id"]))

    def update(self, collection, source_id, fields):
        (raw,), = self.db.execute(f'SELECT document FROM "{collection}" WHERE key = ?', (self._key(source_id),))
        self.replace(collection, {**bson.decode(raw), **fields})

    def delete(self, collection, source_id):
        self._write(f'DELETE FROM "{collection}" WHERE key = ?', self._key(source_id))

    def _key(self, source_id):
        return self.keys[item_id(source_id)][0]

    def _write(self, statement, *values):
        try:
            self.db.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise Refused(str(error)) from error

    def close(self):
        self.db.close()


class SmallApplication(harness.App):
    """A harness.App with the plan PLAN, which a test may change, and an export of `count` jobs."""

    def __init__(self, count=12, **changes):
        super().__init__()
        self.count = count
        self.contents = copy.deepcopy(PLAN)
        self.contents.update(copy.deepcopy(changes))
        self.write_files()

    def write_files(self):
        self.write_plan()
        self.env_file.write_text("# the application's\nVECTOR_NAMESPACE=letters\nOTHER=1\n")
        (self.dir / "clients.csv").write_text(CLIENTS_CSV)

    def copy(self):
        """Another one with the same files. Nothing in them names a directory."""
        twin = type(self)(self.count)
        twin.contents = copy.deepcopy(self.contents)
        shutil.rmtree(twin.root)
        shutil.copytree(self.root, twin.root)
        return twin

    def keep(self):
        """What stands now is what rewind() gives back: a run is bound to the place of its stores."""
        shutil.copytree(self.dir, self.root / "kept")

    def rewind(self):
        shutil.rmtree(self.dir)
        shutil.copytree(self.root / "kept", self.dir, symlinks=True)

    def write_plan(self):
        self.plan.write_text(json.dumps(self.contents, indent=1))

    # --- commands

    def export(self, documents=None, records=None, name="export"):
        write_export(self.dir / name, {"jobs": jobs(self.count) if documents is None else documents, "letters": letters()},
                     {"letters": legacy_vectors() if records is None else records})

    def load(self, documents=None, records=None, **run):
        self.export(documents, records)
        return self.run("load", "--from", "export", "--yes", **run)

    def load_more(self, collection, documents):
        """What the application adds, by way of the binary."""
        write_export(self.dir / "more", {collection: documents}, {})
        return self.run("load", "--from", "more", "--only", "documents", "--yes")

    def migrate(self, *arguments, **run):
        return self.run("run", "--yes", *arguments, **run)

    def verify(self, *arguments, expect=harness.DONE):
        return self.json("verify", *arguments, expect=expect)

    # --- single documents, by `_id`

    def document(self, collection, source_id):
        return next((d for d in self.documents(collection) if d["_id"] == source_id), None)

    def change(self, collection, source_id, **fields):
        """Another program's write. The document as it was."""
        return self.write(collection, lambda d: {**d, **fields}, lambda d: d["_id"] == source_id)[0]

    def delete(self, collection, source_id):
        return self.write(collection, lambda _: None, lambda d: d["_id"] == source_id)[0]

    def put_row(self, collection, document):
        """A new document with an ObjectId or a string as `_id`, or one put back in the place of its like."""
        key, encoded = sqlite_key(document["_id"])
        with self.sqlite(write=True) as db:
            db.execute(f'INSERT OR REPLACE INTO "{collection}"(key, id, document) VALUES(?, ?, ?)', (key, encoded, bson.encode(document)))

    def session(self):
        """A context manager: an open connection of the application's own, for the thread that asks for it."""
        return contextlib.closing(SqliteSession(self))

    # --- what must hold

    def legacy(self):
        return {"jobs": self.raw("jobs"), "letters": self.raw("letters"), "letters (vectors)": self.vectors("letters")}

    @staticmethod
    def new_namespaces(index):
        """All that hold something but the legacy one."""
        return [ns for ns, count in sorted(index.namespaces().items()) if ns != "letters" and count > 0]

    def new_vectors(self):
        """{namespace: records}."""
        with self.index() as index:
            return {ns: index.vectors(ns) for ns in self.new_namespaces(index)}

    def outcome_of_documents(self):
        return {name: self.raw(name) for name in ("organizations", "freelancer_profiles", "job_items")}

    def outcome(self):
        return {**self.outcome_of_documents(), "vectors": self.new_vectors(), ".env": self.env_file.read_bytes()}

    def is_fenced(self):
        """Whether the application's writes to the legacy collection are refused."""
        with self.sqlite() as db:  # a copy: triggers come with it
            try:
                db.execute("UPDATE jobs SET document = document")
                return False
            except db.DatabaseError:
                return True

    def pointer(self):
        return harness.as_python_reads(self.env_file).get("VECTOR_NAMESPACE")


def sqlite_key(source_id):
    """(key, id) columns of a row: the type's place in MongoDB's order and what is compared; type byte and payload."""
    if isinstance(source_id, bson.ObjectId):
        return b"\x09" + source_id.binary, b"\x07" + source_id.binary
    payload = source_id.encode()
    return b"\x05" + payload + b"\0\0", b"\x02" + struct.pack("<i", len(payload) + 1) + payload + b"\0"


def findings(verification):
    return {check["check"]: {(one["class"], one["id"]) for one in check["discrepancies"]} for check in verification["checks"] if not check["passed"]}


def wait_until(condition, what, seconds=60):
    """Polls a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError(f"{what}: not within {seconds} s")


class Case(harness.Case):
    small_type = SmallApplication

    def small(self, loaded=True, **make):
        app = self._own(self.small_type(**make))
        if loaded:
            app.load()
        return app
