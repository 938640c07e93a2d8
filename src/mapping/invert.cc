#include "mapping/invert.h"

#include <span>

#include "model/item.h"

namespace rehome {
namespace {

using Step = std::variant<std::string, std::size_t>;

/// A container with `value` at `steps`, or without what is there; absent if the path leads through
/// a scalar or a position beyond the end.
std::optional<Value> WithValueAt(const std::optional<ValueView>& container,
                                 std::span<const Step> steps,
                                 const std::optional<ValueView>& value);

std::optional<Document> WithKey(DocumentView document, const std::string& key,
                                std::span<const Step> rest, const std::optional<ValueView>& value) {
  DocumentBuilder builder;
  bool found = false;
  for (const auto& [name, old] : document) {
    if (name != key || found) {
      builder.Append(name, old);
      continue;
    }
    found = true;
    const auto changed = WithValueAt(old, rest, value);
    if (!changed && (value || !rest.empty())) {
      return std::nullopt;
    }
    if (changed) {
      builder.Append(name, *changed);
    }
  }
  if (!found && value) {
    const auto added = WithValueAt(std::nullopt, rest, value);
    if (!added) {
      return std::nullopt;
    }
    builder.Append(key, *added);
  }
  return builder.Finish();
}

bool IsLast(DocumentView::Iterator entry) {
  return ++entry == DocumentView::Iterator();
}

std::optional<Document> WithPosition(DocumentView array, std::size_t position,
                                     std::span<const Step> rest,
                                     const std::optional<ValueView>& value) {
  ArrayBuilder builder;
  std::size_t index = 0;
  for (auto entry = array.begin(); entry != array.end(); ++entry) {
    if (index++ != position) {
      builder.Append(entry->value);
      continue;
    }
    const auto changed = WithValueAt(entry->value, rest, value);
    if (changed) {
      builder.Append(changed->view());
    } else if (value || !rest.empty()) {
      return std::nullopt;
    } else if (!IsLast(entry)) {
      builder.Append(ValueView(BsonType::kNull, {}));  // the entries behind it stay where they are
    }
  }
  if (index == position && value) {
    const auto added = WithValueAt(std::nullopt, rest, value);
    if (!added) {
      return std::nullopt;
    }
    builder.Append(added->view());
  } else if (index <= position) {
    return std::nullopt;
  }
  return builder.Finish();
}

std::optional<Value> WithValueAt(const std::optional<ValueView>& container,
                                 std::span<const Step> steps,
                                 const std::optional<ValueView>& value) {
  if (steps.empty()) {
    return value ? std::optional(Value(*value)) : std::nullopt;
  }
  const auto* key = std::get_if<std::string>(&steps.front());
  const BsonType wanted = key != nullptr ? BsonType::kDocument : BsonType::kArray;
  if (container && container->type() != wanted && !container->IsNull()) {
    return std::nullopt;
  }
  const Document empty;
  const DocumentView inside =
      container && container->type() == wanted ? container->AsDocument() : empty.view();
  const auto changed = key != nullptr ? WithKey(inside, *key, steps.subspan(1), value)
                                      : WithPosition(inside, std::get<std::size_t>(steps.front()),
                                                     steps.subspan(1), value);
  return changed ? std::optional(Value(ValueView(wanted, changed->bytes()))) : std::nullopt;
}

/// The path that a rule reads first when it is not empty; none for what is computed.
const FieldPath* WritablePath(const FieldRule& rule) {
  switch (rule.kind) {
    case FieldRule::Kind::kCopy:
      return &rule.from.front();
    case FieldRule::Kind::kFirstNonEmpty:
      return rule.alternatives.empty() ? nullptr : WritablePath(rule.alternatives.front());
    case FieldRule::Kind::kExtract:
    case FieldRule::Kind::kJq:
    case FieldRule::Kind::kConstant:
      return nullptr;
  }
  return nullptr;
}

Document OnlyId(DocumentView item) {
  return DocumentBuilder().Append("_id", item.Id()).Finish();
}

}  // namespace

std::optional<Document> Invert(const Mapper& mapper, const ItemsPlan& items,
                               const std::optional<Document>& source, DocumentView item) {
  Document legacy = source.value_or(OnlyId(item));
  const Mapped before = mapper.Map(legacy.view());
  const Item* old_item = std::get_if<Item>(&before);
  for (const auto& [field, rule] : items.fields) {
    const auto value = item.Find(field);
    const bool unchanged = old_item != nullptr && old_item->document.Find(field) == value;
    const FieldPath* path = WritablePath(rule);
    if (unchanged || path == nullptr) {
      continue;
    }
    const auto wanted = value && !value->IsNull() ? value : std::nullopt;
    const auto changed =
        WithValueAt(ValueView(BsonType::kDocument, legacy.bytes()), path->steps, wanted);
    if (!changed) {
      return std::nullopt;
    }
    legacy = Document::Trusted(std::string(changed->view().payload()));
  }
  const Mapped again = mapper.Map(legacy.view());
  const Item* mapped = std::get_if<Item>(&again);
  const bool exact =
      mapped != nullptr && DocumentDigest(mapped->document.view()) == DocumentDigest(item);
  return exact ? std::optional(std::move(legacy)) : std::nullopt;
}

}  // namespace rehome
