// loss_ledger.cc — a source field is carried if a rule's path leads to it or above it. The paths
// are the plan's, so the answer does not depend on which alternative a document took; jq programs
// carry what they plainly read (jq_source.h). What a copy does to a value (trims, splits, leaves
// behind) is judged document by document.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "mapping/field_rules.h"
#include "mapping/jq_source.h"
#include "mapping/mapping.h"
#include "mapping/text.h"
#include "model/extended_json.h"

namespace rehome {
namespace {

constexpr std::size_t kExamplesMax = 3;
constexpr std::size_t kExampleBytes = 80;
constexpr std::string_view kMorePaths = "(more paths)";

/// What the plan does with a field and, below it, with its parts.
struct Fate {
  bool carried = false;
  bool dropped = false;
  std::map<std::variant<std::string, std::size_t>, Fate> parts;

  Fate& At(const FieldPath& path) {
    Fate* fate = this;
    for (const auto& step : path.steps) {
      fate = &fate->parts[step];
    }
    return *fate;
  }
  [[nodiscard]] const Fate* Part(const std::variant<std::string, std::size_t>& step) const {
    const auto found = parts.find(step);
    return found == parts.end() ? nullptr : &found->second;
  }
};

FieldPath TopLevel(const std::string& name) {
  return {{name}, name};
}

void MarkCarried(const FieldRule& rule, Fate& root) {
  for (const FieldPath& path : rule.from) {
    root.At(path).carried = true;
  }
  for (const FieldPath& path : PathsReadByJq(rule.jq)) {
    root.At(path).carried = true;
  }
  for (const FieldRule& alternative : rule.alternatives) {
    MarkCarried(alternative, root);
  }
}

/// `a.b`, `a["b.c"]`: as a plan would write it.
std::string Below(const std::string& path, std::string_view key) {
  if (key.empty() || key.find_first_of(".[]\"") != std::string_view::npos) {
    std::string quoted;
    for (const char c : key) {
      quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    }
    return fmt::format("{}[\"{}\"]", path, quoted);
  }
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

bool IsContainer(ValueView value) {
  return (value.type() == BsonType::kDocument || value.type() == BsonType::kArray) &&
         !value.AsDocument().empty();
}

}  // namespace

struct LossLedger::State {
  using Key = std::tuple<std::string, std::string, std::string>;  // path, type, how

  const ItemsPlan& items;
  Fate root;
  std::map<Key, Entry> entries;

  explicit State(const ItemsPlan& plan) : items(plan) {
    root.At(TopLevel("_id")).carried = true;
    for (const auto& [name, rule] : items.fields) {
      MarkCarried(rule, root);
    }
    for (const std::string& name : items.drop) {
      auto path = ParseFieldPath(name);
      root.At(path ? *path : TopLevel(name)).dropped = true;
    }
  }

  void Record(const std::string& path, ValueView value, std::string_view how) {
    Key key{path, Name(value.type()), how};
    if (entries.size() >= kPathsMax && !entries.contains(key)) {
      key = {std::string(kMorePaths), "", std::string(how)};
    }
    Entry& entry = entries[key];
    if (entry.count++ == 0) {
      std::tie(entry.path, entry.type, entry.how) = key;
    }
    if (entry.examples.size() < kExamplesMax) {
      const std::string json = ToExtendedJson(value, JsonMode::kRelaxed);
      std::string example(CutText(json, kExampleBytes));
      if (std::ranges::find(entry.examples, example) == entry.examples.end()) {
        entry.examples.push_back(std::move(example));
      }
    }
  }

  void Walk(ValueView value, const Fate* fate, const std::string& path) {
    if (fate != nullptr && fate->dropped) {
      Record(path, value, "dropped");
    } else if (fate != nullptr && fate->carried) {
      return;
    } else if (IsContainer(value)) {
      WalkParts(value, fate, path);
    } else {
      Record(path, value, "not_carried");
    }
  }

  void WalkParts(ValueView value, const Fate* fate, const std::string& path) {
    const bool is_list = value.type() == BsonType::kArray;
    std::size_t index = 0;
    for (const auto& element : value.AsDocument()) {
      const Fate* part = fate == nullptr ? nullptr
                         : is_list       ? fate->Part(index)
                                         : fate->Part(std::string(element.key));
      Walk(element.value, part, is_list ? path + "[]" : Below(path, element.key));
      ++index;
    }
  }

  /// Whether the rule gave a value; counts what it changed about it.
  bool Judge(const FieldRule& rule, DocumentView source) {
    if (rule.kind == FieldRule::Kind::kFirstNonEmpty) {
      return std::ranges::any_of(rule.alternatives, [&](const FieldRule& alternative) {
        return Judge(alternative, source);
      });
    }
    if (rule.kind != FieldRule::Kind::kCopy) {
      return true;
    }
    const FieldPath& path = rule.from.front();
    const auto value = path.Find(source);
    if (IsEmpty(value)) {
      return false;
    }
    CopyEffects effects;
    if (rule.take) {
      static_cast<void>(TakeValues(value, *rule.take, effects));
    } else {
      static_cast<void>(CopyValue(value, effects));
    }
    if (effects.truncated) {
      Record(path.text, *value, "truncated");
    }
    if (effects.coerced) {
      Record(path.text, *value, "coerced");
    }
    return true;
  }
};

LossLedger::LossLedger(const ItemsPlan& items) : state_(std::make_unique<State>(items)) {}
LossLedger::~LossLedger() = default;

void LossLedger::Add(DocumentView source) {
  state_->WalkParts(ValueView(BsonType::kDocument, source.bytes()), &state_->root, {});
  for (const auto& [name, rule] : state_->items.fields) {
    static_cast<void>(state_->Judge(rule, source));
  }
}

std::vector<LossLedger::Entry> LossLedger::Entries() const {
  std::vector<Entry> entries;
  for (const auto& [key, entry] : state_->entries) {
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace rehome
