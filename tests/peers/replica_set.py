#!/usr/bin/env python3
"""mongo-java-server with the manners of a real replica set of one member, MongoDB 6.0: it greets with `hello` and has sessions, so
that drivers make retryable writes; its change streams are a whole database's and tell the cluster's time; it refuses what a
command's definition does not name; it compares whole documents as MongoDB's aggregation does; it has transactions, of which the
tests need no more than that each is one connection's.

    replica_set.py run -- COMMAND…   runs COMMAND beside one; REHOME_TEST_MONGODB_URI is its address. Its exit code is COMMAND's.
"""
import contextlib
import os
import signal
import sys
import threading

import bson

import child
from change_streams import ChangeStreams
from fencing_server import FencingServer
from mongodb_server import MongoServer
from scripted_server import HANG_UP, failure

# What MongoDB 6.0 takes beside the command's own name. Anything else is error 40415 there.
_GENERIC = {"$db", "lsid", "$clusterTime", "$readPreference", "maxTimeMS", "comment", "apiVersion", "apiStrict", "apiDeprecationErrors"}
_READ = {"readConcern"}
_WRITE = {"writeConcern"}
_TRANSACTION = {"txnNumber", "autocommit", "startTransaction"}
FIELDS = {
    "aggregate": {"pipeline", "cursor", "collation", "allowDiskUse", "hint", "let", "bypassDocumentValidation"} | _READ | _WRITE,
    "buildInfo": set(), "connectionStatus": {"showPrivileges"}, "count": {"query", "limit", "skip", "hint", "collation"} | _READ,
    "collMod": {"validator", "validationLevel", "validationAction", "index"} | _WRITE,
    "commitTransaction": {"recoveryToken"} | _WRITE, "abortTransaction": {"recoveryToken"} | _WRITE,
    "create": {"capped", "size", "max", "validator", "validationLevel", "validationAction", "collation", "viewOn", "pipeline", "timeseries",
               "expireAfterSeconds", "clusteredIndex", "changeStreamPreAndPostImages", "storageEngine", "indexOptionDefaults"} | _WRITE,
    "createIndexes": {"indexes", "commitQuorum"} | _WRITE,
    "delete": {"deletes", "ordered", "let", "bypassDocumentValidation"} | _WRITE,
    "drop": _WRITE, "dropDatabase": _WRITE, "dropIndexes": {"index"} | _WRITE, "endSessions": set(),
    "find": {"filter", "sort", "projection", "limit", "skip", "batchSize", "singleBatch", "collation", "hint", "min", "max", "let",
             "noCursorTimeout", "tailable", "awaitData", "allowDiskUse", "returnKey", "showRecordId"} | _READ,
    "findAndModify": {"query", "update", "remove", "new", "upsert", "fields", "sort", "collation", "hint", "let", "arrayFilters",
                      "bypassDocumentValidation"} | _WRITE,
    "getMore": {"collection", "batchSize"}, "getParameter": None, "hello": None, "isMaster": None, "ismaster": None,
    "insert": {"documents", "ordered", "bypassDocumentValidation"} | _WRITE,
    "killCursors": {"cursors"}, "listCollections": {"filter", "cursor", "nameOnly", "authorizedCollections"},
    "listDatabases": {"filter", "nameOnly", "authorizedDatabases"}, "listIndexes": {"cursor"}, "ping": set(),
    "renameCollection": {"to", "dropTarget"} | _WRITE, "serverStatus": None, "setUserWriteBlockMode": {"global"} | _WRITE,
    "update": {"updates", "ordered", "let", "bypassDocumentValidation"} | _WRITE,
}
_STATEMENTS = {"updates": {"q", "u", "c", "upsert", "multi", "collation", "arrayFilters", "hint"}, "deletes": {"q", "limit", "collation", "hint"}}
_RETRYABLE = {"insert", "update", "delete", "findAndModify"}
_IN_A_TRANSACTION = {"find", "aggregate", "insert", "update", "delete", "findAndModify", "getMore", "commitTransaction", "abortTransaction"}


def refusal(document, name):
    """What a real server says of a command that it cannot take, and nothing of one that it can."""
    if name not in FIELDS:
        return failure(59, "CommandNotFound", f"no such command: '{name}'")
    if FIELDS[name] is None:
        return None
    in_transaction = document.get("autocommit") is False
    for field in list(document)[1:]:
        if field in _TRANSACTION and (in_transaction or (field == "txnNumber" and name in _RETRYABLE)):
            continue
        if field not in FIELDS[name] | _GENERIC:
            return failure(40415, "Location40415", f"BSON field '{name}.{field}' is an unknown field.")
    for field, known in _STATEMENTS.items():
        for statement in document.get(field, []):
            for key in set(statement) - known:
                return failure(40415, "Location40415", f"BSON field '{name}.{field}.{key}' is an unknown field.")
    if "txnNumber" in document and not in_transaction and any(update.get("multi") for update in document.get("updates", [])):
        return failure(72, "InvalidOptions", "Cannot use (or request) retryable writes with multi=true")
    if in_transaction:
        return refusal_in_a_transaction(document, name)
    return refusal_of_replacements(document)


def refusal_in_a_transaction(document, name):
    if name not in _IN_A_TRANSACTION:
        return failure(263, "OperationNotSupportedInTransaction", f"Cannot run '{name}' in a multi-document transaction.")
    if "writeConcern" in document and not name.endswith("Transaction"):
        return failure(72, "InvalidOptions", "writeConcern is not allowed within a multi-statement transaction")
    if "readConcern" in document and not document.get("startTransaction"):
        return failure(72, "InvalidOptions", "Only the first command in a transaction may specify a readConcern")
    return refusal_of_replacements(document)


def refusal_of_replacements(document):
    for update in document.get("updates", []):
        new = update["u"]
        operators = [key for key in new if key.startswith("$")] if isinstance(new, dict) else []
        if operators and not all(key.startswith("$") for key in new):
            return failure(52, "DollarPrefixedFieldName", f"The dollar ($) prefixed field '{operators[0]}' is not allowed in the context of "
                                                          "an update's replacement document. Consider using an aggregation pipeline with $replaceWith.")
    return None


class ReplicaSet(FencingServer):
    """`refused`: the commands that a real server would not have taken."""

    def __init__(self, server, **options):
        super().__init__(server, **options)
        self.refused = []
        self._renamed = {}  # by the mark that stands for it in the oplog behind
        self._away = False
        self._turned_away = 0
        self._writing = threading.Lock()
        scripted = self._scripted
        self.streams = ChangeStreams(scripted.client, self._renamed)
        scripted.on("aggregate", self._aggregate).on("getMore", self._more).on("killCursors", self._kill)
        scripted.on("hello", lambda request, forward: {**self._greet(request, self._old_greeting(request)), "isWritablePrimary": True})
        scripted.on("ping", lambda request, forward: {"ok": 1, "operationTime": self.streams.operation_time()})
        scripted.on("commitTransaction", {"ok": 1}).on("abortTransaction", {"ok": 1})
        answer = scripted._answer

        def judged(request):
            if self._away:
                with self._writing:
                    self._turned_away += 1
                return HANG_UP
            said = refusal(request.doc, request.command_name)
            if said is None:
                return answer(request)
            self.refused.append((request.command_name, said["errmsg"]))
            return said

        scripted._answer = judged

    def _old_greeting(self, request):
        return lambda: self._scripted.database(request).command("isMaster")

    def _greet(self, request, forward):
        return {**super()._greet(request, forward), "logicalSessionTimeoutMinutes": 30}

    @contextlib.contextmanager
    def away(self):
        """While it lasts the primary is dead: connections break off, and its cursors are gone. Gives a function that tells how
        many requests that have met."""
        self._turned_away = 0
        self._away = True
        self.streams.close_all()
        try:
            yield lambda: self._turned_away
        finally:
            self._away = False

    def _rename(self, request, forward):
        answer = super()._rename(request, forward)
        if answer["ok"]:
            (database, old), (_, new) = (request.doc[name].split(".", 1) for name in ("renameCollection", "to"))
            mark = f"renamed_{len(self._renamed)}"
            self._renamed[mark] = {"old": old, "new": new}
            behind = self._scripted.client[database]
            behind.create_collection(mark)  # its oplog shows what is dropped, and no renames
            behind.drop_collection(mark)
        return answer

    def _aggregate(self, request, forward):
        if self.streams.opens(request.doc):
            return self.streams.open(request.doc)
        view = self.options.get((request.doc["$db"], request.doc["aggregate"]), {})
        if "viewOn" in view and request.doc.get("collation", view.get("collation")) != view.get("collation", {"locale": "simple"}):
            return failure(167, "OptionNotSupportedOnView", "Cannot override a view's default collation")
        return forward()

    def _more(self, request, forward):
        return self.streams.more(request.doc) if self.streams.holds(request.doc["getMore"]) else forward()

    def _kill(self, request, forward):
        for cursor in request.doc["cursors"]:
            self.streams.close(cursor)
        return forward()

    def _write(self, request, forward):
        with self._writing:  # so that the oplog behind is in the order of its times
            for field in ("updates", "deletes"):
                if field in request.doc:
                    request.doc[field] = [self._decided(request, statement) for statement in request.doc[field]]
            return super()._write(request, forward)

    def _decided(self, request, statement):
        """A filter over a whole document, decided here: what does not match is asked for under an _id that nobody has."""
        statement = {**statement, "q": dict(statement["q"])}
        compared = statement["q"].pop("$expr", None)
        if compared is not None:
            order, equal_order = compared["$eq"]  # MongoDB before 6.0 refuses $eq against $$ROOT itself
            root, literal = order["$cmp"]
            assert (root, equal_order) == ("$$ROOT", 0), compared
            stands = self._scripted.database(request)[request.doc[request.command_name]].find_one(statement["q"])
            if stands is None or not equal(stands, literal["$literal"]):
                statement["q"] = {"_id": bson.ObjectId()}
        if isinstance(statement.get("u"), list):
            statement["u"] = statement["u"][0]["$replaceWith"]["$literal"]
        return statement


def equal(left, right):
    """As $cmp compares: numbers by value, documents field by field in order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right or (left != left and right != right)


def run(command):
    """The exit code of `command`; 1 if it sent what a real server refuses."""
    with MongoServer() as server:
        replica_set = ReplicaSet(server)
        process = child.start(command, env={**os.environ, "REHOME_TEST_MONGODB_URI": replica_set.uri()})
        try:
            code = process.wait()
        finally:
            child.stop(process)
            replica_set.close()
    for name, why in replica_set.refused:
        print(f"{name}: {why}", file=sys.stderr)
    return (code if code >= 0 else 128 - code) or int(bool(replica_set.refused))


if __name__ == "__main__":
    if sys.argv[1:3] != ["run", "--"] or len(sys.argv) < 4:
        raise SystemExit("usage: replica_set.py run -- COMMAND…")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(run(sys.argv[3:]))
