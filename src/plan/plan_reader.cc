#include "plan/plan_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/atomic_file.h"
#include "plan/suggest.h"

namespace rehome {
namespace {

/// Whether the scalar as written is one variable without a default of its own: nothing secret
/// stands in the file.
bool IsOneVariable(std::string_view written) {
  return written.starts_with("${") && written.find('}') == written.size() - 1 &&
         (written.find(":-") == std::string_view::npos || written.ends_with(":-}"));
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  return from == std::string_view::npos
             ? ""
             : text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  text.remove_prefix(text.starts_with('+') ? 1 : 0);
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// A quoted number is text, unless a variable gave it: inside { } variables have to be quoted.
bool MayBeNumber(const PlanNode& node) {
  return node.IsScalar() && (!node.quoted || node.WasSubstituted());
}

std::string WhyNoCollection(std::string_view name) {
  if (name.empty()) {
    return "is empty";
  }
  if (name.find('$') != std::string_view::npos || name.starts_with("system.") ||
      name.size() > 200) {
    return "is no collection's name: no `$`, not `system.…`, at most 200 bytes";
  }
  return name.starts_with("rehome_") ? "begins with `rehome_`, which is kept for the journal" : "";
}

}  // namespace

void PlanReader::Problem(PlanMark mark, std::string message) {
  problems_.push_back({mark, std::move(message)});
}

void PlanReader::ProblemAt(const PlanNode& node, std::string_view what, std::string_view message) {
  if (!node.unresolved) {
    Problem(node.mark, fmt::format("`{}` {}", what, message));
  }
}

bool PlanReader::Is(const PlanNode& node, std::string_view what, PlanNode::Kind kind) {
  if (node.kind != kind) {
    ProblemAt(node, what, fmt::format("must be {}, not {}", Name(kind), Name(node.kind)));
  }
  return node.kind == kind;
}

std::optional<std::string> PlanReader::Text(const PlanNode& node, std::string_view what) {
  if (node.IsNull() && node.WasSubstituted() && !node.unresolved) {
    return "";
  }
  if (!Is(node, what, PlanNode::Kind::kScalar)) {
    return std::nullopt;
  }
  const bool from_shell = node.mark.line == 0;  // --set: the shell took the quotes
  if (!node.quoted && !node.WasSubstituted() && !from_shell) {
    const std::optional<rehome::Value> typed = ScalarValue(node);
    if (!typed || !typed->view().IsString()) {
      ProblemAt(node, what, fmt::format("must be text; put quotes around `{}`", node.written));
      return std::nullopt;
    }
  }
  return node.text;
}

std::vector<std::string> PlanReader::Texts(const PlanNode& node, std::string_view what) {
  std::vector<std::string> texts;
  if (Is(node, what, PlanNode::Kind::kList)) {
    for (const PlanNode& element : node.list) {
      if (std::optional<std::string> text =
              Text(element, fmt::format("{}[{}]", what, texts.size()))) {
        texts.push_back(*std::move(text));
      }
    }
  }
  return texts;
}

std::optional<std::int64_t> PlanReader::Whole(const PlanNode& node, std::string_view what,
                                              std::int64_t min, std::int64_t max) {
  const std::optional<std::int64_t> number =
      MayBeNumber(node) ? ParseNumber<std::int64_t>(Trimmed(node.text)) : std::nullopt;
  if (number && *number >= min && *number <= max) {
    return number;
  }
  if (min == max) {
    ProblemAt(node, what, fmt::format("must be {}", min));
  } else if (max == std::numeric_limits<std::int64_t>::max()) {
    ProblemAt(node, what, fmt::format("must be a whole number from {} on", min));
  } else {
    ProblemAt(node, what, fmt::format("must be a whole number from {} to {}", min, max));
  }
  return std::nullopt;
}

std::optional<double> PlanReader::Number(const PlanNode& node, std::string_view what, double min,
                                         double max) {
  const std::optional<double> number =
      MayBeNumber(node) ? ParseNumber<double>(Trimmed(node.text)) : std::nullopt;
  if (number && std::isfinite(*number) && *number >= min && *number <= max) {
    return number;
  }
  ProblemAt(node, what,
            max == std::numeric_limits<double>::max()
                ? fmt::format("must be a number from {} on", min)
                : fmt::format("must be a number from {} to {}", min, max));
  return std::nullopt;
}

std::optional<Millis> PlanReader::Duration(const PlanNode& node, std::string_view what) {
  struct Unit {
    std::string_view name;
    std::int64_t millis;
  };
  constexpr std::array kUnits{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                              Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
  constexpr double kMillisMax = 86'400'000.0 * 36'500;
  if (node.IsScalar()) {
    const std::string_view text = Trimmed(node.text);
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::optional<double> amount = ParseNumber<double>(text.substr(0, digits));
    const auto* unit = std::ranges::find(kUnits, Trimmed(text.substr(digits)), &Unit::name);
    const double millis =
        amount && unit != kUnits.end() ? *amount * static_cast<double>(unit->millis) : -1;
    if (millis >= 0 && millis <= kMillisMax) {
      return Millis{std::llround(millis)};
    }
  }
  ProblemAt(node, what, "must be a duration: 500ms, 10s, 5m, 24h or 7d");
  return std::nullopt;
}

std::optional<FieldPath> PlanReader::Path(const PlanNode& node, std::string_view what) {
  const std::optional<std::string> text = Text(node, what);
  if (!text) {
    return std::nullopt;
  }
  Result<FieldPath> path = ParseFieldPath(*text);
  if (!path) {
    ProblemAt(node, what, fmt::format("is wrong: {}", path.error().message));
    return std::nullopt;
  }
  return *std::move(path);
}

std::optional<std::string> PlanReader::Collection(const PlanNode& node, std::string_view what) {
  std::optional<std::string> name = Text(node, what);
  if (!name) {
    return std::nullopt;
  }
  if (const std::string why = WhyNoCollection(*name); !why.empty()) {
    ProblemAt(node, what, why);
    return std::nullopt;
  }
  return name;
}

std::optional<std::string> PlanReader::SecretFile(const PlanNode& node, std::string_view what) {
  std::string path;
  MapReader(*this, node, keys::kSecretFile).Text("file", path);
  if (path.empty()) {
    return std::nullopt;
  }
  constexpr std::size_t kSecretBytesMax = std::size_t{1} << 16U;
  const Result<std::string> text = ReadFile(path, kSecretBytesMax);
  if (!text) {
    ProblemAt(node, what, fmt::format("cannot be read from its file: {}", text.error().message));
    return std::nullopt;
  }
  return std::string(Trimmed(*text));
}

Secret PlanReader::Key(const PlanNode& node, std::string_view what) {
  if (node.IsMap()) {
    return Secret(SecretFile(node, what).value_or(""));
  }
  if (node.IsScalar() && IsOneVariable(node.written)) {
    return Secret(node.text);
  }
  ProblemAt(node, what,
            "is a secret and does not stand in a plan: write ${NAME} or { file: PATH }");
  return {};
}

MapReader::MapReader(PlanReader& reader, const PlanNode& node, const KeySet& keys)
    : reader_(reader), node_(node), keys_(keys) {
  if (!reader.Is(node, keys.name, PlanNode::Kind::kMap)) {
    return;
  }
  std::vector<std::string_view> known(keys.required.begin(), keys.required.end());
  known.insert(known.end(), keys.optional.begin(), keys.optional.end());
  for (const PlanNode::Entry& entry : node.map) {
    if (!keys.open && std::ranges::find(known, entry.key) == known.end()) {
      reader.Problem(entry.mark,
                     fmt::format("unknown key `{}`{}", entry.key, DidYouMean(entry.key, known)));
    }
  }
  for (const std::string_view key : keys.required) {
    NoteMissing(key, node);
  }
}

void MapReader::NoteMissing(std::string_view key, const PlanNode& node) {
  const PlanNode* found = node.Find(key);
  if (found == nullptr) {
    reader_.Problem(node.mark, fmt::format("`{}` is missing here", key));
  } else if (found->IsNull()) {
    reader_.ProblemAt(
        *found, key,
        found->written.empty() ? "has no value" : fmt::format("is empty: {}", found->written));
  }
}

const PlanNode* MapReader::Find(std::string_view key) const {
  CHECK(std::ranges::find(keys_.required, key) != keys_.required.end() ||
        std::ranges::find(keys_.optional, key) != keys_.optional.end());
  const PlanNode* found = node_.Find(key);
  return found != nullptr && !found->IsNull() ? found : nullptr;
}

void MapReader::Text(std::string_view key, std::string& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Text(*node, key).value_or(out);
  }
}

void MapReader::Texts(std::string_view key, std::vector<std::string>& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Texts(*node, key);
  }
}

void MapReader::Choice(std::string_view key, std::initializer_list<std::string_view> choices,
                       std::string& out) {
  const PlanNode* node = Find(key);
  if (node == nullptr) {
    return;
  }
  const std::optional<std::string> text = reader_.Text(*node, key);
  if (text && std::ranges::find(choices, *text) != choices.end()) {
    out = *text;
  } else if (text) {
    reader_.ProblemAt(
        *node, key,
        fmt::format("has a value that it cannot have{}", DidYouMean(*text, std::vector(choices))));
  }
}

void MapReader::Collection(std::string_view key, std::string& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Collection(*node, key).value_or(out);
  }
}

void MapReader::Collections(std::string_view key, std::vector<std::string>& out) {
  const PlanNode* node = Find(key);
  if (node == nullptr || !reader_.Is(*node, key, PlanNode::Kind::kList)) {
    return;
  }
  for (const PlanNode& element : node->list) {
    if (std::optional<std::string> name = reader_.Collection(element, key)) {
      out.push_back(*std::move(name));
    }
  }
}

void MapReader::LegacyNamespaces(std::string_view key, std::vector<std::string>& out) {
  Texts(key, out);
  const PlanNode* node = Find(key);
  if (node == nullptr || node->kind != PlanNode::Kind::kList) {
    return;
  }
  for (const PlanNode& element : node->list) {
    if (element.IsScalar() && (element.text == "__default__" || element.text.empty())) {
      reader_.ProblemAt(element, key,
                        "names the default namespace, which is neither read nor emptied: leave it "
                        "out (its vectors stay), or copy them to a namespace with a name first");
    }
  }
}

void MapReader::Path(std::string_view key, FieldPath& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Path(*node, key).value_or(out);
  }
}

void MapReader::Duration(std::string_view key, Millis& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Duration(*node, key).value_or(out);
  }
}

void MapReader::Number(std::string_view key, double& out, double min, double max) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Number(*node, key, min, max).value_or(out);
  }
}

void MapReader::Key(std::string_view key, Secret& out) {
  if (const PlanNode* node = Find(key)) {
    out = reader_.Key(*node, key);
  }
}

}  // namespace rehome
