"""The rules of the house that no compiler checks. Each is a function of a tree (a dict of path -> text, paths relative to
the root) and yields problems as "path:line: sentence"."""
import pathlib
import re

BASE = {"base"}
MODEL = BASE | {"model"}
PORTS = MODEL | {"ports"}
PLAN = MODEL | {"plan"}
MIDDLE = {"journal", "mapping", "backup", "flow", "checks"}
ENGINE = PORTS | PLAN | MIDDLE

# What the files of a folder may include. Adapters are known to cli/wiring alone.
MAY_INCLUDE = {
    "base": BASE,
    "model": MODEL,
    "ports": PORTS,
    "plan": PLAN,
    "pinecone_local": MODEL | {"pinecone_local"},
    "decorators": PORTS | {"decorators"},
    "adapters": PORTS,
    **{folder: ENGINE for folder in MIDDLE},
    "phases": ENGINE | {"decorators", "phases"},
    "sim": ENGINE | {"decorators", "phases", "sim"},
    "report": ENGINE | {"phases", "report"},
    "cli": ENGINE | {"phases", "report", "sim", "cli"},
}
CONCRETE = {"adapters", "decorators", "pinecone_local"}
KNOWS_CONCRETE = re.compile(r"src/cli/(process|probes|wiring\w*|verb_pinecone_local)\.(h|cc)")

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)

BANNED = {
    r"\b(?:system_clock|steady_clock|high_resolution_clock)::now\b": "time comes from Clock",
    r"\bsleep_(?:for|until)\b|\b(?:u|nano)?sleep\s*\(": "waiting goes through Clock::SleepFor",
    r"\brandom_device\b|\bmt19937\w*|(?<![\w.>:])s?rand\s*\(": "chance comes from Random",
    r"\b(?:secure_)?getenv\s*\(": "the environment is injected",
}
BANNED_EVERYWHERE = {
    r"\bstd::format\b|#include <format>": "fmt formats here",
    r"\.detach\(\)": "a thread is joined",
}
MAY_TOUCH_THE_PROCESS = ("src/base/", "src/cli/")

# A C library is seen by one file of one folder.
PRIVATE_HEADERS = ("sqlite3.h", "curl/", "jq.h", "mongoc/", "pcre2.h", "sodium.h", "zstd.h", "yaml-cpp/", "CLI/")
HEAVY = re.compile(r"nlohmann/json\.hpp|yaml-cpp/|boost/|curl/|jq\.h|mongoc/|bson|simdjson|openssl/|spdlog/|CLI/")

# Words of the shipped plan that are the product's own (design.md sections 1 to 5), not the mission's.
PRODUCT_WORDS = {"item_id", "org_id", "profile_id", "is_embedded", "embedding_id"}


def is_test(path):
    return path.endswith("_test.cc") or "/testing/" in path


def sources(tree):
    return {path: text for path, text in tree.items() if path.startswith("src/") and path.endswith((".h", ".cc"))}


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def without_comments(text):
    """Comments blanked, lines kept."""
    return COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def includes_point_one_way(tree):
    for path, text in sources(tree).items():
        if is_test(path):
            continue
        folder = path.split("/")[1]
        if folder not in MAY_INCLUDE:
            yield f"{path}:1: the folder {folder} has no rule in tests/house/rules.py"
            continue
        allowed = MAY_INCLUDE[folder] | (CONCRETE if KNOWS_CONCRETE.fullmatch(path) else set())
        for match in INCLUDE.finditer(text):
            included = match.group(1)
            if included is None or "/" not in included:
                continue
            target = included.split("/")[0]
            own_adapter = included.startswith("/".join(path.split("/")[1:3]) + "/")
            http = included.startswith("adapters/http/") and folder == "adapters"
            if target == "adapters" and (own_adapter or http):
                continue
            if target not in allowed:
                yield f"{path}:{line_of(text, match.start())}: {folder} must not include {included}"


def time_chance_and_environment_are_injected(tree):
    for path, text in sources(tree).items():
        code = without_comments(text)
        rules = dict(BANNED_EVERYWHERE)
        if not path.startswith(MAY_TOUCH_THE_PROCESS):
            rules.update(BANNED)
        for pattern, reason in rules.items():
            for match in re.finditer(pattern, code):
                yield f"{path}:{line_of(code, match.start())}: {match.group().strip()}: {reason}"


def c_libraries_have_one_door(tree):
    for header in PRIVATE_HEADERS:
        doors = sorted(
            path
            for path, text in sources(tree).items()
            if not is_test(path)
            for match in INCLUDE.finditer(text)
            if (match.group(1) or match.group(2)).startswith(header)
        )
        by_folder = {}
        for path in set(doors):
            by_folder.setdefault(str(pathlib.PurePosixPath(path).parent), []).append(path)
        for folder, paths in by_folder.items():
            if header.endswith("-cpp/") or len(paths) == 1:
                continue
            yield f"{sorted(paths)[1]}:1: {header} already has its file in {folder}: {sorted(paths)[0]}"


def public_headers_are_light(tree):
    for path, text in sources(tree).items():
        if not path.endswith(".h") or path.split("/")[1] not in {"base", "model", "ports", "report"}:
            continue
        for match in INCLUDE.finditer(text):
            if HEAVY.search(match.group(2) or ""):
                yield f"{path}:{line_of(text, match.start())}: {match.group(2)} in a public header"


def mission_words(tree):
    """Names of collections, fields and namespaces in the shipped plan: snake_case values and keys that are not words of
    the plan language itself (those are quoted in src/plan) nor of the product."""
    plan = tree.get("plans/portfolio.yaml", "")
    plan = re.sub(r"(?m)#.*$", "", plan)
    words = set(re.findall(r"(?<![\w$.{])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?!\w)", plan))
    language = "".join(text for path, text in tree.items() if path.startswith("src/plan/") and not is_test(path))
    return {word for word in words if f'"{word}"' not in language} - PRODUCT_WORDS


def code_knows_no_mission_names(tree):
    words = mission_words(tree)
    if not words:
        return
    pattern = re.compile(r'"[^"\n]*?(?<!\w)(' + "|".join(sorted(words)) + r')(?!\w)[^"\n]*"')
    for path, text in sources(tree).items():
        if is_test(path) or path.startswith("src/plan/"):
            continue
        for match in pattern.finditer(without_comments(text)):
            yield f"{path}:{line_of(text, match.start())}: {match.group(1)} belongs into a plan"


def nothing_is_unfinished(tree):
    marker = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|not yet impl" r"emented", re.I)
    for path, text in tree.items():
        if path.endswith((".h", ".cc", ".py", ".sh", ".txt", ".yaml", ".md")):
            for match in marker.finditer(text):
                yield f"{path}:{line_of(text, match.start())}: {match.group()}"


def files_begin_as_agreed(tree):
    for path, text in sources(tree).items():
        if path.endswith(".h") and not text.startswith("#pragma once\n// "):
            yield f"{path}:1: a header begins with #pragma once and a comment that says what it is"
        own = path[len("src/"):-len(".cc")] + ".h"
        if path.endswith(".cc") and not is_test(path) and "src/" + own in tree:
            first = INCLUDE.search(text)
            if first is None or first.group(1) != own:
                yield f"{path}:1: a source includes its own header first"


RULES = (
    includes_point_one_way,
    time_chance_and_environment_are_injected,
    c_libraries_have_one_door,
    public_headers_are_light,
    code_knows_no_mission_names,
    nothing_is_unfinished,
    files_begin_as_agreed,
)
