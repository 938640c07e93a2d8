"""mongo-java-server behind scripted answers that give it what a fence needs: collMod and validators, which it enforces, and
setUserWriteBlockMode, with the face of a replica set of one member."""
import contextlib
import threading

from scripted_server import ScriptedServer, failure

_USER = {"authenticatedUsers": [{"user": "rehome", "db": "admin"}], "authenticatedUserRoles": [],
         "authenticatedUserPrivileges": [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]}
_VALIDATION = ("validator", "validationLevel", "validationAction")
_KINDS = ("viewOn", "pipeline", "timeseries", "capped", "size", "max", "collation", "clusteredIndex")
_VERSION, _WIRE = [6, 0, 19, 0], 17


class FencingServer:
    """`server`: the mongodb_server.MongoServer behind it. `write_block=False`: a server before 6.0, without user write
    blocking. Stands where a MongoServer does."""

    def __init__(self, server, write_block=True):
        self.server = server
        self.write_block = write_block
        self.blocked = False
        self.options = {}  # (database, collection): what collMod and create said of it; of that only validation does anything
        self._closed = False
        self._listeners = []  # (kind of fence, function)
        self._lock = threading.Lock()
        self._scripted = scripted = ScriptedServer(server.port)
        self.port = scripted.port
        scripted.on("isMaster", self._greet)
        scripted.on("buildInfo", lambda _, forward: {**forward(), "version": ".".join(map(str, self._version()[:3])), "versionArray": self._version()})
        scripted.on("connectionStatus", {"authInfo": _USER, "ok": 1})
        scripted.on("endSessions", {"ok": 1})
        scripted.on("serverStatus", lambda _, forward: {**forward(), "repl": {"setName": "rs0", "userWriteBlockMode": 2 if self.blocked else 1}})
        scripted.on("collMod", self._modify).on("create", self._create).on("listCollections", self._list)
        scripted.on("drop", self._drop).on("renameCollection", self._rename)
        scripted.on("setUserWriteBlockMode", self._set_block)
        for name in ("insert", "update", "delete", "findAndModify"):
            scripted.on(name, self._write)
        for name in ("collMod", "create", "createIndexes", "drop", "dropIndexes", "renameCollection"):
            scripted.on(name, self._refuse_blocked)

    def close(self):
        self._scripted.close()
        self._closed = True

    def alive(self):
        return not self._closed and self.server.alive()

    def uri(self, database="test"):
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def _version(self):
        return _VERSION if self.write_block else [5, 0, 31, 0]

    def _greet(self, _, forward):
        """Of the old greeting only: who answers `hello` is taken for a server that compares whole documents, which
        mongo-java-server does wrongly where they hold an empty array."""
        me = f"127.0.0.1:{self.port}"
        return {**forward(), "ismaster": True, "setName": "rs0", "setVersion": 1, "me": me, "hosts": [me], "primary": me,
                "maxWireVersion": _WIRE if self.write_block else 13, "minWireVersion": 0}

    # --- validators

    def _modify(self, request, _):
        key = (request.doc["$db"], request.doc["collMod"])
        if key[1] not in self._scripted.database(request).list_collection_names():
            return failure(26, "NamespaceNotFound", "ns does not exist")
        with self._lock:
            options = self.options.setdefault(key, {})
            options.update({name: request.doc[name] for name in _VALIDATION if name in request.doc})
            if not options.get("validator"):  # as a real one: an empty validator is none
                options.pop("validator", None)
        self._tell_of("validator", bool(options.get("validator")))
        return {"ok": 1}

    def _create(self, request, forward):
        said = {name: request.doc.pop(name) for name in _VALIDATION + _KINDS if name in request.doc}
        answer = forward()
        if answer["ok"]:
            self.options[request.doc["$db"], request.doc["create"]] = said
        return answer

    def _list(self, request, forward):
        answer = forward()
        for info in answer.get("cursor", {}).get("firstBatch", []):
            options = self.options.get((request.doc["$db"], info["name"]), {})
            info.setdefault("options", {}).update(options)
            info["type"] = "view" if "viewOn" in options else "timeseries" if "timeseries" in options else "collection"
        return answer

    def _drop(self, request, forward):
        self.options.pop((request.doc["$db"], request.doc["drop"]), None)
        return forward()

    def _rename(self, request, forward):
        answer = forward()
        old, new = (tuple(request.doc[name].split(".", 1)) for name in ("renameCollection", "to"))
        if answer["ok"] and old in self.options:
            self.options[new] = self.options.pop(old)
        return answer

    # --- writes

    def _set_block(self, request, _):
        if not self.write_block:
            return failure(59, "CommandNotFound", "no such command: 'setUserWriteBlockMode'")
        self.blocked = bool(request.doc["global"])
        self._tell_of("block", self.blocked)
        return {"ok": 1}

    def _tell_of(self, kind, raised):
        for one, tell in list(self._listeners):
            if one == kind:
                tell(raised)

    @contextlib.contextmanager
    def when(self, kind, tell):
        """While it lasts, tell(True) and tell(False) are called when a fence of the `kind` ("validator", "block") was raised
        and lifted, before the client hears of it."""
        self._listeners.append((kind, tell))
        try:
            yield
        finally:
            self._listeners.remove((kind, tell))

    def answering(self, command, answer):
        """A context manager: it says so to the command for a while."""
        return self._scripted.answering(command, answer)

    def when_blocked(self, tell):
        return self.when("block", tell)

    def _refuse_blocked(self, request, _=None):
        """What changes a collection is a user's write too."""
        database = request.doc["renameCollection"].split(".")[0] if "renameCollection" in request.doc else request.doc["$db"]
        if self.blocked and database not in ("admin", "config", "local"):
            return failure(371, "UserWritesBlocked", "User writes blocked")
        return None

    def _write(self, request, forward):
        database, collection = request.doc["$db"], request.doc[request.command_name]
        blocked = self._refuse_blocked(request)
        if blocked:
            return blocked
        options = self.options.get((database, collection), {})
        if (request.command_name == "delete" or "validator" not in options or request.doc.get("bypassDocumentValidation")
                or options.get("validationAction", "error") != "error" or options.get("validationLevel", "strict") == "off"):
            return forward()
        return self._validated(request, options["validator"], forward)

    def _validated(self, request, validator, forward):
        """Documents are judged before anything is written: the validators here let all pass or none."""
        collection = self._scripted.database(request)[request.doc[request.command_name]]
        if request.command_name == "insert":
            refused = [n for n, document in enumerate(request.doc["documents"]) if not accepts(validator, document)]
        elif request.command_name == "update":
            refused = [n for n, update in enumerate(request.doc["updates"])
                       if not accepts(validator, collection.find_one(update["q"]) or ({"_id": 0} if update.get("upsert") else None))]
        else:
            found = collection.find_one(request.doc.get("query", {}))
            return forward() if accepts(validator, found) else failure(121, "DocumentValidationFailure", **refusal(validator))
        if not refused:
            return forward()
        errors = [{"index": n, "code": 121, "errInfo": error["errInfo"], "errmsg": error["message"]} for n in refused for error in [refusal(validator)]]
        return {"ok": 1, "n": 0, **({"nModified": 0} if request.command_name == "update" else {}),
                "writeErrors": errors[:1] if request.doc.get("ordered", True) else errors}


def refusal(validator):
    """What a server from 5.0 on says of a document that failed: the schema's own title and description."""
    schema = validator.get("$jsonSchema", {})
    return {"message": "Document failed validation",
            "errInfo": {"details": {"operatorName": "$jsonSchema", **{name: schema[name] for name in ("title", "description") if name in schema}}}}


def accepts(validator, document):
    """Whether a validator lets `document` pass. Of $jsonSchema only maxProperties is judged, the rest taken for fulfilled."""
    if document is None:
        return True
    for key, value in validator.items():
        if key == "$jsonSchema":
            held = len(document) <= value.get("maxProperties", len(document))
        elif key == "$comment":
            held = True
        elif key in ("$and", "$or", "$nor"):
            parts = [accepts(part, document) for part in value]
            held = all(parts) if key == "$and" else any(parts) if key == "$or" else not any(parts)
        elif key == "$expr":
            held = bool(value)
        elif key.startswith("$"):
            held = key == "$alwaysTrue"
        elif isinstance(value, dict) and set(value) == {"$exists"}:
            held = (key in document) == bool(value["$exists"])
        elif isinstance(value, dict) and set(value) == {"$in"}:
            held = document.get(key) in value["$in"]
        else:
            held = document.get(key) == value
        if not held:
            return False
    return True
