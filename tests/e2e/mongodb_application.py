"""Applications whose documents live in MongoDB. A test file has one server; each application has a database of its own there."""
import contextlib
import functools
import itertools
import sys
import unittest

import bson
import pymongo
from bson.raw_bson import RawBSONDocument

import harness
import small_application
from small_application import Refused

sys.path.insert(0, str(harness.SOURCE / "tests/peers"))
from mongodb_server import MongoServer  # noqa: E402

# What a server answers when a validator or a user write block turns a write away.
_FENCED = {121, 371}
_numbers = itertools.count(1)


@functools.cache
def shared_server():
    """The test file's own, in memory, with an oplog."""
    server = MongoServer()
    unittest.addModuleCleanup(_stop_shared)
    return server


def _stop_shared():
    server = shared_server()
    shared_server.cache_clear()
    client_of.cache_clear()
    server.close()


@functools.cache
def client_of(uri):
    return pymongo.MongoClient(uri, directConnection=True, retryWrites=False, serverSelectionTimeoutMS=30_000,
                               datetime_conversion=harness._CODEC.datetime_conversion)


class OnMongoDB:
    """What harness.App does with documents, on MongoDB. `server` and `target`: where the old and the new side live; `door`:
    the port by which rehome comes to the old one, if not by the server's own."""

    def __init__(self, *args, server=None, target=None, door=None, **make):
        super().__init__(*args, **make)
        self.server = server or shared_server()
        self.target = target or self.server
        self.database = f"app{next(_numbers)}"
        self.env["MONGODB_URI"] = self.uri(door or self.server.port)
        self.env["TARGET_URI"] = self.uri(self.target.port)

    def uri(self, port):
        return f"mongodb://127.0.0.1:{port}/{self.database}"

    def copy(self):
        twin = super().copy()
        twin.env["MONGODB_URI"] = twin.uri(twin.server.port)
        twin.env["TARGET_URI"] = twin.uri(twin.target.port)
        for name in self.collections():
            documents = [RawBSONDocument(raw) for raw in self.raw(name)]
            if documents:
                twin.collection(name).insert_many(documents)
        return twin

    def remove(self):
        for server in {self.server, self.target}:
            if server.alive():
                client_of(server.uri()).drop_database(self.database)
        super().remove()

    # --- documents; with a `file`, those of an SQLite store beside the plan

    def side(self, collection):
        """The database that holds it."""
        server = self.server if collection in self.old_collections else self.target
        return client_of(server.uri())[self.database]

    def collection(self, name):
        return self.side(name)[name]

    def collections(self, file=None):
        if file:
            return super().collections(file)
        return self.names_on(self.server) | self.names_on(self.target)

    def names_on(self, server):
        return set(client_of(server.uri())[self.database].list_collection_names())

    def raw(self, collection, file=None):
        if file:
            return super().raw(collection, file)
        batches = self.collection(collection).find_raw_batches(sort=[("_id", 1)])
        return [document.raw for batch in batches for document in bson.decode_iter(batch, _RAW)]

    def documents(self, collection, file=None):
        return [bson.decode(raw, harness._CODEC) for raw in self.raw(collection, file)]

    def write(self, collection, change, where=lambda document: True, count=1):
        written = []
        for raw in self.raw(collection):
            document = bson.decode(raw, harness._CODEC)
            if len(written) == count or not where(document):
                continue
            written.append(bson.decode(raw, harness._CODEC))
            changed = change(document)
            with self.session() as session:
                if changed is None:
                    session.delete(collection, document["_id"])
                else:
                    session.replace(collection, changed)
        assert len(written) == count, f"{collection} holds {len(written)} of {count} such documents"
        return written

    def insert(self, collection, document):
        self.collection(collection).insert_one(document)

    @contextlib.contextmanager
    def session(self):
        yield MongoSession(self)


_RAW = bson.codec_options.CodecOptions(document_class=RawBSONDocument)


class MongoSession:
    """The application's own writes, acknowledged each."""

    def __init__(self, app):
        self.app = app

    def insert(self, collection, document):
        self._write(collection, "insert_one", document)

    def replace(self, collection, document):
        self._write(collection, "replace_one", {"_id": document["_id"]}, document)

    def update(self, collection, source_id, fields):
        self._write(collection, "update_one", {"_id": source_id}, {"$set": fields})

    def delete(self, collection, source_id):
        self._write(collection, "delete_one", {"_id": source_id})

    def _write(self, collection, call, *arguments):
        try:
            getattr(self.app.collection(collection), call)(*arguments)
        except pymongo.errors.OperationFailure as error:
            if error.code not in _FENCED:
                raise
            raise Refused(str(error)) from error


class MongoApp(OnMongoDB, harness.App):
    old_collections = harness.LEGACY


class SmallMongoApp(OnMongoDB, small_application.SmallApplication):
    old_collections = ("jobs", "letters")

    def __init__(self, count=12, **make):
        super().__init__(count, **{"documents": "${MONGODB_URI}", **make})

    def put_row(self, collection, document):
        self.collection(collection).replace_one({"_id": document["_id"]}, document, upsert=True)

    def is_fenced(self):
        with self.session() as session:
            try:
                session.replace("jobs", self.documents("jobs")[0])
                return False
            except Refused:
                return True

    def keep(self):
        raise NotImplementedError("what a server holds is not rewound")


class Case(small_application.Case):
    """Mixed in before a test class of another file, it gives that class's tests applications on MongoDB."""

    app_type = MongoApp
    small_type = SmallMongoApp


class CaseOnItsOwnServer(Case):
    """For what the history of a shared server would slow down or hide."""

    oplog = True

    @classmethod
    def setUpClass(cls):
        cls.server = MongoServer(oplog=cls.oplog)
        cls.addClassCleanup(cls.server.close)

    def placed(self):
        return {"server": self.server}


def tests_of(test_class):
    return [name for name in dir(test_class) if name.startswith("test_")]


def leave_out(test_class, *names):
    """Those tests of a class's bases that say nothing about MongoDB."""
    for name in names or tests_of(test_class):
        assert hasattr(test_class, name), name
        setattr(test_class, name, None)
