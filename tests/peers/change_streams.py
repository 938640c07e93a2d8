"""Change streams of whole databases as a MongoDB replica set tells them, made of the oplog of the server behind: tokens that sort by
cluster time, a token with every answer, idle or not, drops and renames by name, a history that ends."""
import itertools
import time

import bson

from scripted_server import failure

# A token is a sort key in hexadecimal: a timestamp, then what says whether it is an event's or stands before all of that time.
_BEFORE, _EVENT = "2B0229296E04", "2B022C0100296E04"
_OPERATIONS = {"i": "insert", "u": "update", "d": "delete"}
_POLL_S = 0.05


def _token(number, kind):
    return {"_data": f"82{number:016X}{kind}"}


def _timestamp(number):
    return bson.Timestamp(number >> 32, number & 0xFFFFFFFF)


def _number(timestamp):
    return timestamp.time << 32 | timestamp.inc


class ChangeStreams:
    """`client`: of the server behind. `renames`: by the name of a collection that was dropped in its place, what was renamed:
    {"database", "old", "new"}; that server's oplog has no renames."""

    def __init__(self, client, renames):
        self.history_begins = 0  # what came before is no longer in the oplog
        self._oplog = client["local"]["oplog.rs"]
        self._renames = renames
        self._ids = itertools.count(1 << 40)
        self._cursors = {}

    def now(self):
        """The cluster time, as a number."""
        newest = self._oplog.find_one(sort=[("$natural", -1)])
        return _number(newest["ts"]) if newest else 1 << 32

    def operation_time(self):
        return _timestamp(self.now())

    def opens(self, document):
        return document.get("aggregate") == 1 and any("$changeStream" in stage for stage in document["pipeline"])

    def holds(self, cursor):
        return cursor in self._cursors

    def open(self, document):
        first, match, project = document["pipeline"]
        assert set(project) == {"$project"}, project
        (collections, _, ends) = match["$match"]["$or"]
        cursor = next(self._ids)
        begin = self._begin(first["$changeStream"])
        self._cursors[cursor] = {"database": document["$db"], "begin": begin, "collections": set(collections["ns.coll"]["$in"]),
                                 "ends": set(ends["operationType"]["$in"])}
        return self._answer(document, cursor, "firstBatch", [], _token(begin, _BEFORE))

    def more(self, document):
        cursor = document["getMore"]
        stream = self._cursors[cursor]
        if stream["begin"] < self.history_begins:
            self.close(cursor)
            return failure(286, "ChangeStreamHistoryLost", "Resume of change stream was not possible, as the resume point may no longer be in "
                                                          "the oplog.", errorLabels=["NonResumableChangeStreamError"])
        until = time.monotonic() + document["maxTimeMS"] / 1000
        while True:
            events, token = self._read(stream, document["batchSize"])
            if events or time.monotonic() >= until:
                return self._answer(document, cursor, "nextBatch", events, token)
            time.sleep(_POLL_S)

    def close(self, cursor):
        self._cursors.pop(cursor, None)

    def close_all(self):
        self._cursors.clear()

    def _begin(self, place):
        """The first time that the stream shows."""
        if "startAtOperationTime" in place:
            return _number(place["startAtOperationTime"])
        if "resumeAfter" not in place:
            return self.now() + 1
        data = place["resumeAfter"]["_data"]
        assert data.startswith("82") and data[18:] in (_BEFORE, _EVENT), data
        return int(data[2:18], 16) + (data[18:] == _EVENT)

    def _answer(self, document, cursor, batch, events, token):
        return {"cursor": {"id": bson.Int64(cursor), "ns": f"{document['$db']}.$cmd.aggregate", batch: events, "postBatchResumeToken": token},
                "operationTime": self.operation_time(), "ok": 1}

    def _read(self, stream, count_max):
        events, newest = [], None
        for entry in self._oplog.find({"ts": {"$gte": _timestamp(stream["begin"])}}):
            newest = _number(entry["ts"])
            stream["begin"] = newest + 1
            event = self._event(stream, entry)
            if event:
                events.append(event)
            if len(events) == count_max:
                break
        if events and events[-1]["_id"] == _token(newest, _EVENT):
            return events, events[-1]["_id"]
        return events, _token(newest or stream["begin"], _BEFORE)

    def _event(self, stream, entry):
        database, _, collection = entry["ns"].partition(".")
        event = {"_id": _token(_number(entry["ts"]), _EVENT), "operationType": _OPERATIONS.get(entry["op"]), "clusterTime": entry["ts"],
                 "ns": {"db": database, "coll": collection}}
        if entry["op"] == "c":
            renamed = self._renames.get(entry["o"].get("drop"))
            event["operationType"] = "rename" if renamed else "drop"
            event["ns"]["coll"] = renamed["old"] if renamed else entry["o"].get("drop")
            if renamed:
                event["to"] = {"db": database, "coll": renamed["new"]}
        else:
            event["documentKey"] = {"_id": entry.get("o2", entry["o"])["_id"]}
        named = {event["ns"]["coll"], event.get("to", {}).get("coll")}
        shown = database == stream["database"] and (named & stream["collections"] or event["operationType"] in stream["ends"])
        return event if shown else None
