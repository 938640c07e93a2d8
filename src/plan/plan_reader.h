#pragma once
// plan_reader.h — small typed readers over PlanNode that note problems and go on, so that one
// reading finds them all. A node whose variable is unset was reported already and reads as nothing.
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/keys.h"
#include "plan/plan_node.h"

namespace rehome {

class PlanReader {
 public:
  void Problem(PlanMark mark, std::string message);
  /// A problem of `node`: "`what` message"; silent if its variable is unset.
  void ProblemAt(const PlanNode& node, std::string_view what, std::string_view message);
  [[nodiscard]] std::vector<PlanProblem> TakeProblems() { return std::move(problems_); }

  // Each gives the typed value, or notes why `what` has none.
  [[nodiscard]] std::optional<std::string> Text(const PlanNode& node, std::string_view what);
  [[nodiscard]] std::vector<std::string> Texts(const PlanNode& node, std::string_view what);
  [[nodiscard]] std::optional<std::int64_t> Whole(const PlanNode& node, std::string_view what,
                                                  std::int64_t min, std::int64_t max);
  [[nodiscard]] std::optional<double> Number(const PlanNode& node, std::string_view what,
                                             double min, double max);
  /// "500ms", "10s", "5m", "24h", "7d".
  [[nodiscard]] std::optional<Millis> Duration(const PlanNode& node, std::string_view what);
  [[nodiscard]] std::optional<FieldPath> Path(const PlanNode& node, std::string_view what);
  /// A collection's name.
  [[nodiscard]] std::optional<std::string> Collection(const PlanNode& node, std::string_view what);
  /// ${NAME} or { file: PATH }; a literal is refused. Empty where the variable's default is.
  [[nodiscard]] Secret Key(const PlanNode& node, std::string_view what);
  /// The trimmed contents of the file that { file: PATH } names.
  [[nodiscard]] std::optional<std::string> SecretFile(const PlanNode& node, std::string_view what);
  /// YAML scalars typed as YAML 1.2 does; lists and maps; { $oid: … } and its like are Extended
  /// JSON.
  [[nodiscard]] std::optional<rehome::Value> Value(const PlanNode& node, std::string_view what);
  [[nodiscard]] std::optional<rehome::Document> Document(const PlanNode& node,
                                                         std::string_view what);

  /// Whether `node` is of that kind; notes it if not.
  bool Is(const PlanNode& node, std::string_view what, PlanNode::Kind kind);

 private:
  std::vector<PlanProblem> problems_;
};

/// One map of the plan. The constructor notes what is unknown and what is missing; each reader
/// below leaves `out` as it is where the key is absent or wrong.
class MapReader {
 public:
  MapReader(PlanReader& reader, const PlanNode& node, const KeySet& keys);

  /// The value of a key of the set (CHECKed); nothing if it is absent or null.
  [[nodiscard]] const PlanNode* Find(std::string_view key) const;
  void Text(std::string_view key, std::string& out);
  void Texts(std::string_view key, std::vector<std::string>& out);
  /// One of `choices`.
  void Choice(std::string_view key, std::initializer_list<std::string_view> choices,
              std::string& out);
  void Collection(std::string_view key, std::string& out);
  void Collections(std::string_view key, std::vector<std::string>& out);
  /// Namespaces of the old side; the default one, which has no name of its own, is refused.
  void LegacyNamespaces(std::string_view key, std::vector<std::string>& out);
  void Path(std::string_view key, FieldPath& out);
  void Duration(std::string_view key, Millis& out);
  void Number(std::string_view key, double& out, double min = 0,
              double max = std::numeric_limits<double>::max());
  void Key(std::string_view key, Secret& out);
  template <class T>
  void Whole(std::string_view key, T& out, std::int64_t min, std::int64_t max) {
    if (const PlanNode* node = Find(key)) {
      out = static_cast<T>(
          reader_.Whole(*node, key, min, max).value_or(static_cast<std::int64_t>(out)));
    }
  }

 private:
  void NoteMissing(std::string_view key, const PlanNode& node);

  PlanReader& reader_;
  const PlanNode& node_;
  const KeySet& keys_;
};

/// The type of a plain scalar under YAML 1.2's core schema; nothing for a whole number over 64
/// bits.
[[nodiscard]] std::optional<Value> ScalarValue(const PlanNode& node);

}  // namespace rehome
