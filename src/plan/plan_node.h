#pragma once
// plan_node.h — the plan file as a tree with marks, before anything is typed. Private to this
// module: the one thing that YAML (yaml_tree.cc), the journal's JSON (resolved.cc) and `--set`
// (overrides.cc) are all turned into.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/load.h"

namespace rehome {

struct PlanNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  PlanMark mark;        // line 0: the column is the number of an override, from 1
  std::string text;     // kScalar: after substitution
  std::string written;  // as in the file; kept when substitution leaves nothing, so that a message
                        // can show it
  bool quoted = false;  // a string whatever it looks like
  bool unresolved = false;  // a variable was missing: already reported, not to be reported again
  std::vector<PlanNode> list;
  std::vector<Entry> map;

  /// Nothing, standing at `mark`.
  [[nodiscard]] static PlanNode At(PlanMark mark);
  [[nodiscard]] bool IsNull() const { return kind == Kind::kNull; }
  [[nodiscard]] bool IsScalar() const { return kind == Kind::kScalar; }
  [[nodiscard]] bool IsList() const { return kind == Kind::kList; }
  [[nodiscard]] bool IsMap() const { return kind == Kind::kMap; }
  [[nodiscard]] bool WasSubstituted() const { return written != text; }
  [[nodiscard]] PlanNode* Find(std::string_view key);
  [[nodiscard]] const PlanNode* Find(std::string_view key) const;
};

struct PlanNode::Entry {
  std::string key;
  PlanMark mark;
  PlanNode node;
};

/// What a node is, for "must be a list, not a map".
[[nodiscard]] std::string_view Name(PlanNode::Kind kind);

/// YAML text → tree. Syntax errors, duplicate keys, tags, NUL, invalid UTF-8 and trees over 64
/// levels or 200,000 nodes (aliases count each time) are problems.
[[nodiscard]] PlanNode ParseYaml(std::string_view yaml, std::vector<PlanProblem>& problems);

/// Replaces ${NAME} and ${NAME:-default} in every scalar; `$${` stands for `${`. A default holds
/// balanced braces.
void SubstituteEnvironment(PlanNode& node, const Environment& environment,
                           std::vector<PlanProblem>& problems);

/// Puts each override into the tree; maps on the way are made, list elements must exist.
void ApplyOverrides(PlanNode& root, const std::vector<PlanOverride>& overrides,
                    std::vector<PlanProblem>& problems);

}  // namespace rehome
