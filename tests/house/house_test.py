"""Judges this tree by the rules of the house (rules.py); prints every problem."""
import pathlib
import sys

import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
JUDGED = (".h", ".cc", ".py", ".sh", ".txt", ".yaml", ".md")


def read_tree():
    tree = {}
    for top in ("src", "tests", "bench", "scripts", "plans", "docs"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and path.suffix in JUDGED:
                tree[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return tree


def main():
    tree = read_tree()
    problems = [problem for rule in rules.RULES for problem in rule(tree)]
    for problem in problems:
        print(problem)
    print(f"{len(tree)} files, {len(rules.RULES)} rules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
