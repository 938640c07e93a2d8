#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plan/sections.h"

namespace rehome {
namespace {

constexpr std::array<std::string_view, 6> kReservedFields{
    "_id", "item_id", "org_id", "profile_id", "is_embedded", "embedding_id"};

std::vector<FieldPath> ReadPaths(PlanReader& reader, const PlanNode& node) {
  std::vector<FieldPath> paths;
  const auto add = [&](const PlanNode& one) {
    if (std::optional<FieldPath> path = reader.Path(one, "from")) {
      paths.push_back(*std::move(path));
    }
  };
  if (!node.IsList()) {
    add(node);
  } else if (node.list.empty()) {
    reader.ProblemAt(node, "from", "is an empty list");
  }
  std::ranges::for_each(node.list, add);
  return paths;
}

/// The key that makes a rule what it is; empty (and noted) unless there is exactly one.
std::string_view RuleKind(PlanReader& reader, const PlanNode& node) {
  std::vector<std::string_view> found;
  for (const std::string_view key : {"first_non_empty", "extract", "jq", "value"}) {
    if (node.Find(key) != nullptr) {
      found.push_back(key);
    }
  }
  const bool has_from = node.Find("from") != nullptr;
  if (found.empty() && has_from) {
    return "from";
  }
  const bool takes_from = found.size() == 1 && found[0] == "extract";
  if (found.size() != 1 || has_from != takes_from) {
    reader.ProblemAt(
        node, "rule",
        "is exactly one of { from }, { first_non_empty }, { extract, from }, { jq }, { value }");
    return {};
  }
  return found[0];
}

void ReadAlternatives(PlanReader& reader, const PlanNode& node, std::string_view field,
                      FieldRule& rule) {
  if (!reader.Is(node, "first_non_empty", PlanNode::Kind::kList)) {
    return;
  }
  if (node.list.empty()) {
    reader.ProblemAt(node, "first_non_empty", "is an empty list");
  }
  for (const PlanNode& element : node.list) {
    rule.alternatives.push_back(ReadRule(reader, element, field));
  }
}

Extractor ReadExtractor(PlanReader& reader, const PlanNode& node) {
  if (node.Find("dictionary") == nullptr) {
    PhraseExtractor phrases;
    MapReader map(reader, node, keys::kPhraseExtractor);
    map.Texts("noise_prefixes", phrases.noise_prefixes);
    std::ranges::stable_sort(phrases.noise_prefixes, std::ranges::greater{}, &std::string::size);
    map.Texts("separators", phrases.separators);
    if (std::ranges::find(phrases.separators, "") != phrases.separators.end()) {
      reader.ProblemAt(node, "separators", "holds an empty text");
    }
    map.Whole("cap", phrases.cap, 1, 1000);
    return phrases;
  }
  DictionaryExtractor words;
  MapReader map(reader, node, keys::kDictionaryExtractor);
  map.Text("fallback", words.fallback);
  const PlanNode* dictionary = map.Find("dictionary");
  if (dictionary != nullptr && reader.Is(*dictionary, "dictionary", PlanNode::Kind::kMap)) {
    for (const PlanNode::Entry& entry : dictionary->map) {
      words.entries.emplace_back(entry.key, reader.Texts(entry.node, entry.key));
    }
  }
  return words;
}

void CheckFieldName(PlanReader& reader, const PlanNode::Entry& entry) {
  if (std::ranges::find(kReservedFields, entry.key) != kReservedFields.end()) {
    reader.Problem(
        entry.mark,
        fmt::format("`{}` is set by rehome itself; give the field another name", entry.key));
  } else if (entry.key.empty() || entry.key.starts_with('$') ||
             entry.key.find_first_of(".{}") != std::string::npos) {
    reader.Problem(
        entry.mark,
        fmt::format("`{}` is no field name: not empty, no leading `$`, no `.`, `{{`, `}}`",
                    entry.key));
  }
}

void CheckIdPattern(PlanReader& reader, const MapReader& items, std::string_view id) {
  const PlanNode* node = items.Find("id");
  if (node == nullptr || !node->IsScalar()) {
    return;
  }
  const std::size_t at = id.find("{_id}");
  std::string rest(id);
  rest.replace(std::min(at, id.size()), at == std::string_view::npos ? 0 : 5, "");
  const bool printable = std::ranges::all_of(rest, [](char c) { return c > ' ' && c < '\x7f'; });
  if (at == std::string_view::npos || rest.find_first_of("{}") != std::string::npos || !printable ||
      rest.size() > 256) {
    reader.ProblemAt(
        *node, "id",
        "must hold {_id} once, beside at most 256 printable ASCII characters: \"item_{_id}\"");
  }
}

}  // namespace

FieldRule ReadRule(PlanReader& reader, const PlanNode& node, std::string_view field) {
  FieldRule rule;
  rule.mark = node.mark;
  if (!node.IsMap()) {
    if (std::optional<FieldPath> path = reader.Path(node, field)) {
      rule.from.push_back(*std::move(path));
    }
    return rule;
  }
  MapReader map(reader, node, keys::kRule);
  const std::string_view kind = RuleKind(reader, node);
  if (kind == "first_non_empty") {
    rule.kind = FieldRule::Kind::kFirstNonEmpty;
    ReadAlternatives(reader, *node.Find(kind), field, rule);
  } else if (kind == "extract") {
    rule.kind = FieldRule::Kind::kExtract;
    map.Text("extract", rule.extractor);
  } else if (kind == "jq") {
    rule.kind = FieldRule::Kind::kJq;
    map.Text("jq", rule.jq);
  } else if (kind == "value") {
    rule.kind = FieldRule::Kind::kConstant;
    rule.constant = reader.Value(*node.Find(kind), field).value_or(Value());
  }
  if (const PlanNode* from = map.Find("from"); from != nullptr && !kind.empty()) {
    rule.from = ReadPaths(reader, *from);
    if (kind == "from" && from->IsList()) {
      reader.ProblemAt(
          *from, "from",
          "takes one path here; the first of several that is not empty is first_non_empty: […]");
    }
  }
  if (const PlanNode* take = map.Find("take")) {
    if (const std::optional<std::int64_t> count = reader.Whole(*take, "take", 1, 1'000'000)) {
      rule.take = static_cast<std::size_t>(*count);
    }
    if (kind == "value") {
      reader.ProblemAt(*take, "take", "does not go with `value`");
    }
  }
  return rule;
}

void ReadItems(PlanReader& reader, const PlanNode& node, ItemsPlan& items) {
  MapReader map(reader, node, keys::kItems);
  map.Collection("from", items.from);
  map.Collection("to", items.to);
  map.Text("id", items.id);
  CheckIdPattern(reader, map, items.id);
  const PlanNode* fields = map.Find("fields");
  if (fields != nullptr && reader.Is(*fields, "fields", PlanNode::Kind::kMap)) {
    for (const PlanNode::Entry& entry : fields->map) {
      CheckFieldName(reader, entry);
      items.fields.emplace_back(entry.key, ReadRule(reader, entry.node, entry.key));
    }
  }
  const PlanNode* extractors = map.Find("extractors");
  if (extractors != nullptr && reader.Is(*extractors, "extractors", PlanNode::Kind::kMap)) {
    for (const PlanNode::Entry& entry : extractors->map) {
      items.extractors.emplace(entry.key, ReadExtractor(reader, entry.node));
    }
  }
  map.Texts("drop", items.drop);
  if (const PlanNode* schema = map.Find("schema")) {
    items.schema = reader.Document(*schema, "schema");
    items.schema_mark = schema->mark;
  }
  map.Whole("quarantine_max", items.quarantine_max, 0, std::numeric_limits<std::int64_t>::max());
}

void ReadStamps(PlanReader& reader, const PlanNode& node, std::vector<StampPlan>& stamps) {
  if (!reader.Is(node, "stamp", PlanNode::Kind::kMap)) {
    return;
  }
  for (const PlanNode::Entry& collection : node.map) {
    StampPlan stamp{.collection = collection.key, .set = {}};
    if (!reader.Is(collection.node, collection.key, PlanNode::Kind::kMap)) {
      continue;
    }
    for (const PlanNode::Entry& field : collection.node.map) {
      if (field.key.empty() || field.key == "_id" || field.key.starts_with('$') ||
          field.key.find('.') != std::string::npos) {
        reader.Problem(field.mark, fmt::format("`{}` cannot be stamped: a top-level field, not _id",
                                               field.key));
      } else if (const std::optional<Value> value = reader.Value(field.node, field.key)) {
        stamp.set.emplace_back(field.key, *value);
      }
    }
    if (collection.node.map.empty()) {
      reader.ProblemAt(collection.node, collection.key, "sets nothing");
    }
    stamps.push_back(std::move(stamp));
  }
}

}  // namespace rehome
