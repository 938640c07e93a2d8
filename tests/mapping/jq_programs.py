"""The plan's `jq:` programs, run by Debian's jq: one process a program, one document a line."""
import json
import subprocess

import bson_values as b


_REPLACED = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")


def jq_input(value):
    """Relaxed Extended JSON with int64 and Decimal128 as strings, which jq would round."""
    if value.type in (b.INT64, b.DECIMAL):
        return str(value.number)
    if value.type == b.DOCUMENT:
        return {key: jq_input(one) for key, one in value.data}
    if value.type == b.ARRAY:
        return [jq_input(one) for one in value.data]
    if value.type == b.CODE_WITH_SCOPE:
        text, scope = b.scope_of(value)
        return {"$code": text, "$scope": {key: jq_input(one) for key, one in scope}}
    return b.relaxed(value)


class JqPrograms:
    def __init__(self):
        self._children = {}

    def close(self):
        for child in self._children.values():
            child.stdin.close()
            child.wait()
            child.stdout.close()

    def run(self, program, fields):
        """The one result, or None where it fails, gives none or several."""
        child = self._children.get(program)
        if child is None:
            child = subprocess.Popen(["jq", "-c", "--unbuffered", f"try [{program}] catch 0"], encoding="utf-8", errors="surrogatepass",
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._children[program] = child
        child.stdin.write(json.dumps(jq_input(b.Value(b.DOCUMENT, fields)), ensure_ascii=False).translate(_REPLACED) + "\n")
        child.stdin.flush()
        results = json.loads(child.stdout.readline())
        return b.parse(results[0]) if isinstance(results, list) and len(results) == 1 else None
