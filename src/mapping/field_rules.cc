#include "mapping/field_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <type_traits>

#include "mapping/text.h"
#include "model/extended_json.h"

namespace rehome {
namespace {

/// The only entry of a list or the value itself, if that is a string with a comma.
std::optional<std::string_view> CommaSeparated(ValueView value) {
  if (value.type() == BsonType::kArray) {
    const DocumentView list = value.AsDocument();
    auto entry = list.begin();
    if (entry == list.end()) {
      return std::nullopt;
    }
    value = entry->value;
    if (++entry != list.end()) {
      return std::nullopt;
    }
  }
  if (!value.IsString() || value.AsString().find(',') == std::string_view::npos) {
    return std::nullopt;
  }
  return value.AsString();
}

Value ListValue(ArrayBuilder& list) {
  const Document elements = list.Finish();
  return Value(ValueView(BsonType::kArray, elements.bytes()));
}

Value ListOf(const std::vector<std::string>& texts) {
  ArrayBuilder list;
  for (const std::string& text : texts) {
    list.String(text);
  }
  return ListValue(list);
}

bool IsContainer(BsonType type) {
  return type == BsonType::kDocument || type == BsonType::kArray;
}

/// The entries of a list field one by one: a list's, a comma-separated text's, or the value itself.
template <class Visit>
void ForEachEntry(ValueView value, CopyEffects& effects, Visit visit) {
  if (const auto text = CommaSeparated(value)) {
    effects.coerced = true;
    for (const std::string_view part : SplitCommas(*text)) {
      visit(part);
    }
    return;
  }
  const auto visit_value = [&](ValueView entry) {
    if (!entry.IsString()) {
      visit(entry);
      return;
    }
    const std::string_view trimmed = Trim(entry.AsString());
    effects.coerced |= trimmed.size() != entry.AsString().size();
    visit(trimmed);
  };
  if (value.type() != BsonType::kArray) {
    effects.coerced = true;
    visit_value(value);
    return;
  }
  for (const auto& element : value.AsDocument()) {
    visit_value(element.value);
  }
}

/// Collects what `take` keeps.
class Taken {
 public:
  Taken(std::size_t take, CopyEffects& effects) : take_(take), effects_(effects) {
    seen_.reserve(std::min<std::size_t>(take, 16));
  }

  void operator()(std::string_view text) {
    if (text.empty() || !IsNew(FoldCase(text))) {
      effects_.coerced = true;
    } else if (HasRoom()) {
      list_.String(text);
    }
  }
  void operator()(ValueView value) {
    const bool empty = IsEmpty(std::optional(value));
    if (!empty && !IsContainer(value.type())) {
      effects_.coerced = true;
      (*this)(std::string_view(AsText(value)));
    } else if (empty || !IsNew(std::string(1, '\0').append(value.payload()))) {
      effects_.coerced = true;
    } else if (HasRoom()) {
      list_.Append(value);
    }
  }
  Value Finish() { return ListValue(list_); }

 private:
  bool IsNew(std::string key) {
    if (std::ranges::find(seen_, key) != seen_.end()) {
      return false;
    }
    if (seen_.size() <= take_) {  // past that every new entry is left behind anyway
      seen_.push_back(std::move(key));
    }
    return true;
  }
  bool HasRoom() {
    if (count_ == take_) {
      effects_.truncated = true;
      return false;
    }
    ++count_;
    return true;
  }

  std::size_t take_;
  CopyEffects& effects_;
  std::size_t count_ = 0;
  std::vector<std::string> seen_;
  ArrayBuilder list_;
};

Computed CopyList(ValueView list, CopyEffects& effects) {
  CopyEffects inner;
  ArrayBuilder copy;
  ForEachEntry(list, inner, [&](auto entry) {
    if constexpr (std::is_same_v<decltype(entry), std::string_view>) {
      copy.String(entry);
    } else {
      copy.Append(entry);
    }
  });
  effects.coerced |= inner.coerced;
  return inner.coerced ? Computed(ListValue(copy)) : Computed(list);
}

Computed FromText(std::string_view text) {
  return text.empty() ? Computed() : Computed(text);
}

/// Extended JSON of what a rule read.
std::string Before(const FieldRule& rule, DocumentView source) {
  const auto read = [&](const FieldPath& path) {
    const auto value = path.Find(source);
    return value ? ToExtendedJson(*value, JsonMode::kRelaxed) : std::string("(missing)");
  };
  if (rule.kind == FieldRule::Kind::kJq) {
    return "(the document)";
  }
  std::string out;
  for (const FieldPath& path : rule.from) {
    out += (out.empty() ? "" : ", ") + read(path);
  }
  return out;
}

std::string Label(const FieldRule& rule) {
  std::string paths;
  for (const FieldPath& path : rule.from) {
    paths += (paths.empty() ? "" : ", ") + path.text;
  }
  const std::string take = rule.take ? fmt::format(", take {}", *rule.take) : "";
  switch (rule.kind) {
    case FieldRule::Kind::kCopy:
      return fmt::format("from: {}{}", paths, take);
    case FieldRule::Kind::kFirstNonEmpty:
      return "first_non_empty: none" + take;
    case FieldRule::Kind::kExtract:
      return fmt::format("extract: {} from {}{}", rule.extractor, paths, take);
    case FieldRule::Kind::kJq:
      return fmt::format("jq: {}{}", rule.jq, take);
    case FieldRule::Kind::kConstant:
      return "constant";
  }
  return {};
}

}  // namespace

Computed CopyValue(const std::optional<ValueView>& value, CopyEffects& effects) {
  if (!value || value->IsNull()) {
    return {};
  }
  if (value->IsString()) {
    const std::string_view text = value->AsString();
    const std::string_view trimmed = Trim(text);
    effects.coerced |= trimmed.size() != text.size();
    return trimmed.empty() ? Computed() : Computed(trimmed);
  }
  return value->type() == BsonType::kArray ? CopyList(*value, effects) : Computed(*value);
}

Value TakeValues(const std::optional<ValueView>& value, std::size_t take, CopyEffects& effects) {
  Taken taken(take, effects);
  if (value && !value->IsNull()) {
    ForEachEntry(*value, effects, [&](auto entry) { taken(entry); });
  }
  return taken.Finish();
}

bool IsEmpty(const Computed& computed) {
  struct Visitor {
    bool operator()(std::monostate) const { return true; }
    bool operator()(ValueView value) const { return IsEmpty(std::optional(value)); }
    bool operator()(std::string_view text) const { return Trim(text).empty(); }
    bool operator()(const Value& value) const { return IsEmpty(std::optional(value.view())); }
  };
  return std::visit(Visitor{}, computed);
}

/// A document whose fields that the rules read were found in one pass.
class FieldRules::Source {
 public:
  Source(const KeyTable& tops, DocumentView document) : document_(document), values_(tops.size()) {
    for (const auto& [key, value] : document) {
      const std::size_t top = tops.Find(key);
      if (top != KeyTable::kNone && !values_[top]) {
        values_[top] = value;
      }
    }
  }
  [[nodiscard]] DocumentView document() const { return document_; }
  [[nodiscard]] std::optional<ValueView> Find(const Reading& reading) const {
    if (reading.top == KeyTable::kNone) {
      return reading.path->Find(document_);
    }
    const auto& value = values_[reading.top];
    return !value || reading.path->steps.size() == 1 ? value : reading.path->Find(document_);
  }

 private:
  DocumentView document_;
  std::vector<std::optional<ValueView>> values_;  // by number
};

/// Turns the plan's rules into Rules and gathers the jq programs.
struct FieldRules::Compiler {
  const ItemsPlan& items;
  FieldRules& out;
  std::vector<std::string> programs;

  Result<Rule> Compile(const FieldRule& plan) {
    Rule rule;
    rule.plan = &plan;
    for (const FieldPath& path : plan.from) {
      const auto* key =
          path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
      rule.from.push_back({&path, key != nullptr ? out.tops_.Add(*key) : KeyTable::kNone});
    }
    switch (plan.kind) {
      case FieldRule::Kind::kCopy:
        CHECK(plan.from.size() == 1);
        break;
      case FieldRule::Kind::kFirstNonEmpty:
        for (const FieldRule& alternative : plan.alternatives) {
          REHOME_TRY_ASSIGN(Rule compiled, Compile(alternative));
          rule.alternatives.push_back(std::move(compiled));
        }
        break;
      case FieldRule::Kind::kExtract:
        REHOME_TRY(AddExtractor(rule));
        break;
      case FieldRule::Kind::kJq:
        rule.jq_index = programs.size();
        programs.push_back(plan.jq);
        break;
      case FieldRule::Kind::kConstant:
        break;
    }
    return rule;
  }

  Status AddExtractor(Rule& rule) const {
    const auto found = items.extractors.find(rule.plan->extractor);
    if (found == items.extractors.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("there is no extractor \"{}\"", rule.plan->extractor),
                  "define it under items.extractors");
    }
    if (const auto* dictionary = std::get_if<DictionaryExtractor>(&found->second)) {
      out.dictionaries_.push_back(std::make_unique<Dictionary>(*dictionary));
      rule.dictionary = out.dictionaries_.back().get();
      return {};
    }
    PhraseExtractor phrases = std::get<PhraseExtractor>(found->second);
    std::ranges::stable_sort(phrases.noise_prefixes, std::greater{}, &std::string::size);
    for (std::string& prefix : phrases.noise_prefixes) {
      prefix = std::string(Trim(prefix));
    }
    rule.phrases =
        out.phrases_.emplace_back(std::make_unique<PhraseExtractor>(std::move(phrases))).get();
    return {};
  }
};

Result<FieldRules> FieldRules::Compile(const ItemsPlan& items) {
  FieldRules rules;
  Compiler compiler{items, rules, {}};
  for (const auto& [name, plan] : items.fields) {
    auto rule = compiler.Compile(plan);
    if (!rule) {
      return std::unexpected(std::move(rule).error().In(fmt::format("items.fields.{}", name)));
    }
    rules.fields_.emplace_back(name, *std::move(rule));
  }
  auto jq = JqPool::Compile(std::move(compiler.programs), JqLimits{});
  if (!jq) {
    return std::unexpected(std::move(jq).error().In("items.fields"));
  }
  rules.jq_ = *std::move(jq);
  return rules;
}

Result<Computed> FieldRules::Compute(const Rule& rule, const Source& source) const {
  if (!rule.plan->take) {
    return ComputeWhole(rule, source);
  }
  CopyEffects effects;
  if (rule.plan->kind == FieldRule::Kind::kCopy) {
    return TakeValues(source.Find(rule.from.front()), *rule.plan->take, effects);
  }
  REHOME_TRY_ASSIGN(Computed whole, ComputeWhole(rule, source));
  if (const auto* text = std::get_if<std::string_view>(&whole)) {
    whole = Value::String(*text);
  }
  std::optional<ValueView> value;
  if (const auto* view = std::get_if<ValueView>(&whole)) {
    value = *view;
  } else if (const auto* owned = std::get_if<Value>(&whole)) {
    value = owned->view();
  }
  return TakeValues(value, *rule.plan->take, effects);
}

Result<Computed> FieldRules::ComputeWhole(const Rule& rule, const Source& source) const {
  CopyEffects effects;
  switch (rule.plan->kind) {
    case FieldRule::Kind::kCopy:
      return CopyValue(source.Find(rule.from.front()), effects);
    case FieldRule::Kind::kFirstNonEmpty:
      for (const Rule& alternative : rule.alternatives) {
        REHOME_TRY_ASSIGN(Computed computed, Compute(alternative, source));
        if (!IsEmpty(computed)) {
          return computed;
        }
      }
      return Computed();
    case FieldRule::Kind::kExtract: {
      std::vector<std::optional<ValueView>> values;
      values.reserve(rule.from.size());
      for (const Reading& reading : rule.from) {
        values.push_back(source.Find(reading));
      }
      const std::vector<std::string> texts = TextsOf(values);
      return rule.dictionary != nullptr ? FromText(rule.dictionary->Classify(texts))
                                        : Computed(ListOf(ExtractPhrases(*rule.phrases, texts)));
    }
    case FieldRule::Kind::kJq: {
      REHOME_TRY_ASSIGN(Value value, jq_->Run(rule.jq_index, source.document()));
      return Computed(std::move(value));
    }
    case FieldRule::Kind::kConstant:
      return Computed(rule.plan->constant.view());
  }
  return Computed();
}

Status FieldRules::AppendAll(DocumentView document, DocumentBuilder& item) const {
  const Source source(tops_, document);
  for (const auto& [name, rule] : fields_) {
    auto computed = Compute(rule, source);
    if (!computed) {
      return std::unexpected(std::move(computed).error().In(name));
    }
    if (const auto* view = std::get_if<ValueView>(&*computed)) {
      item.Append(name, *view);
    } else if (const auto* text = std::get_if<std::string_view>(&*computed)) {
      item.String(name, *text);
    } else if (const auto* value = std::get_if<Value>(&*computed)) {
      item.Append(name, *value);
    } else {
      item.Null(name);
    }
  }
  return {};
}

const FieldRules::Rule& FieldRules::Chosen(const Rule& rule, const Source& source) const {
  for (const Rule& alternative : rule.alternatives) {
    const auto computed = Compute(alternative, source);
    if (!computed || !IsEmpty(*computed)) {
      return Chosen(alternative, source);
    }
  }
  return rule;  // NOLINT(bugprone-return-const-ref-from-parameter): one of this object's own
}

std::vector<FieldTrace> FieldRules::Explain(DocumentView document, DocumentView item) const {
  const Source source(tops_, document);
  std::vector<FieldTrace> traces;
  for (const auto& [name, rule] : fields_) {
    const Rule& chosen = Chosen(rule, source);
    FieldTrace trace{std::string(name), Label(*chosen.plan), Before(*chosen.plan, document), {}};
    if (&chosen != &rule) {
      trace.rule =
          "first_non_empty: " + (chosen.plan->kind == FieldRule::Kind::kCopy && !chosen.plan->take
                                     ? chosen.plan->from.front().text
                                     : trace.rule);
    }
    if (const auto after = item.Find(name)) {
      trace.after = ToExtendedJson(*after, JsonMode::kRelaxed);
    }
    traces.push_back(std::move(trace));
  }
  return traces;
}

}  // namespace rehome
