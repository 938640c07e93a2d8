#include "adapters/sqlite/index_keys.h"

#include <algorithm>
#include <array>

#include "model/extended_json.h"
#include "model/sort_key.h"

namespace rehome::sqlite {
namespace {

/// What stands at a path: several values where arrays lie on the way, and whether a branch ended
/// early.
struct Leaves {
  std::vector<ValueView> values;
  bool missing = false;
};

void Collect(DocumentView document, std::string_view path, Leaves& leaves);

void Descend(ValueView value, std::string_view rest, Leaves& leaves) {
  if (rest.empty()) {
    leaves.values.push_back(value);
    return;
  }
  if (value.type() == BsonType::kDocument) {
    Collect(value.AsDocument(), rest, leaves);
    return;
  }
  if (value.type() != BsonType::kArray) {
    leaves.missing = true;
    return;
  }
  const DocumentView array = value.AsDocument();
  if (array.Find(rest.substr(0, rest.find('.'))).has_value()) {
    Collect(array, rest, leaves);  // "list.0.name"
  }
  bool entered = false;
  for (const DocumentView::Element& element : array) {
    if (element.value.type() == BsonType::kDocument) {
      entered = true;
      Collect(element.value.AsDocument(), rest, leaves);
    }
  }
  leaves.missing = leaves.missing || (!entered && leaves.values.empty());
}

void Collect(DocumentView document, std::string_view path, Leaves& leaves) {
  const std::size_t dot = path.find('.');
  const std::optional<ValueView> value = document.Find(path.substr(0, dot));
  if (!value) {
    leaves.missing = true;
    return;
  }
  Descend(*value, dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1),
          leaves);
}

Leaves LeavesAt(DocumentView document, std::string_view path) {
  Leaves leaves;
  Collect(document, path, leaves);
  return leaves;
}

/// The value of a top-level field that is neither missing nor of several entries: nearly every one.
std::optional<ValueView> ScalarAt(DocumentView document, std::string_view path) {
  const std::optional<ValueView> value = document.Find(path);
  const bool scalar = value && value->type() != BsonType::kArray && !path.contains('.');
  return scalar ? value : std::nullopt;
}

ValueView NullValue() {
  return {BsonType::kNull, {}};
}

std::vector<std::string> PathParts(DocumentView document, std::string_view path) {
  const Leaves leaves = LeavesAt(document, path);
  std::vector<std::string> parts;
  for (const ValueView leaf : leaves.values) {
    if (leaf.type() != BsonType::kArray) {
      parts.push_back(KeyPart(leaf));
      continue;
    }
    if (leaf.AsDocument().empty()) {
      parts.push_back(KeyPart({BsonType::kUndefined, {}}));
    }
    for (const DocumentView::Element& element : leaf.AsDocument()) {
      parts.push_back(KeyPart(element.value));
    }
  }
  if (leaves.missing) {
    parts.push_back(KeyPart(NullValue()));
  }
  return parts;
}

void SortUnique(std::vector<std::string>& keys) {
  // A list that ascends is usual: the ids of a batch.
  if (std::ranges::adjacent_find(keys, std::ranges::greater_equal{}) == keys.end()) {
    return;
  }
  std::ranges::sort(keys);
  const auto rest = std::ranges::unique(keys);
  keys.erase(rest.begin(), rest.end());
}

/// 1 or -1 as any kind of number; anything else names another kind of index.
bool IsDirection(ValueView value) {
  const std::string key = SortKey(value);
  return key == SortKey(Value::Int32(1).view()) || key == SortKey(Value::Int32(-1).view());
}

}  // namespace

Document IndexDocument(const IndexSpec& spec) {
  DocumentBuilder key;
  for (const std::string& path : spec.paths) {
    key.Int32(path, 1);
  }
  DocumentBuilder index;
  index.Int32("v", 2).Append("key", key.Finish()).String("name", spec.name);
  if (spec.unique) {
    index.Bool("unique", true);
  }
  return index.Finish();
}

std::optional<IndexSpec> ParseIndex(DocumentView index) {
  static constexpr std::array<std::string_view, 7> kHarmless{
      "v", "ns", "name", "key", "unique", "background", "expireAfterSeconds"};
  IndexSpec spec;
  for (const DocumentView::Element& element : index) {
    if (std::ranges::find(kHarmless, element.key) == kHarmless.end()) {
      return std::nullopt;
    }
    if (element.key == "name" && element.value.IsString()) {
      spec.name = element.value.AsString();
    } else if (element.key == "unique" && element.value.type() == BsonType::kBool) {
      spec.unique = element.value.AsBool();
    } else if (element.key == "key" && element.value.type() == BsonType::kDocument) {
      for (const DocumentView::Element& part : element.value.AsDocument()) {
        if (!IsDirection(part.value) || part.key.contains('$')) {
          return std::nullopt;
        }
        spec.paths.emplace_back(part.key);
      }
    }
  }
  if (spec.paths.empty()) {
    return std::nullopt;
  }
  return spec;
}

std::string KeyPart(ValueView value) {
  // 0 becomes 0 255 and the part ends with 0 0: keeps the order and is never a prefix of another
  // part.
  constexpr std::string_view kZero("\0", 1);
  std::string part = SortKey(value);
  for (std::size_t at = part.find('\0'); at != std::string::npos; at = part.find('\0', at + 2)) {
    part.insert(at + 1, 1, '\xFF');
  }
  return part.append(kZero).append(kZero);
}

std::vector<std::string> IndexKeys(DocumentView document, const IndexSpec& index) {
  if (index.paths.size() == 1) {
    const std::optional<ValueView> scalar = ScalarAt(document, index.paths.front());
    if (scalar) {
      return {KeyPart(*scalar)};
    }
    std::vector<std::string> keys = PathParts(document, index.paths.front());
    SortUnique(keys);
    return keys;
  }
  std::vector<std::string> keys{std::string{}};
  for (const std::string& path : index.paths) {
    std::vector<std::string> longer;
    const std::vector<std::string> parts = PathParts(document, path);
    for (const std::string& key : keys) {
      for (const std::string& part : parts) {
        longer.push_back(key + part);
      }
    }
    keys = std::move(longer);
  }
  SortUnique(keys);
  return keys;
}

bool SameIndexedFields(DocumentView before, DocumentView after, const IndexSpec& index) {
  return std::ranges::all_of(index.paths, [&](std::string_view path) {
    const std::string_view field = path.substr(0, path.find('.'));
    return before.Find(field) == after.Find(field);
  });
}

bool HasFieldValue(DocumentView document, std::string_view path,
                   std::span<const std::string> sort_keys) {
  const auto wanted = [&](ValueView value) {
    return std::ranges::binary_search(sort_keys, SortKey(value));
  };
  const Leaves leaves = LeavesAt(document, path);
  if (leaves.missing && wanted(NullValue())) {
    return true;
  }
  return std::ranges::any_of(leaves.values, [&](ValueView leaf) {
    if (wanted(leaf)) {
      return true;
    }
    if (leaf.type() != BsonType::kArray) {
      return false;
    }
    for (const DocumentView::Element& element : leaf.AsDocument()) {
      if (wanted(element.value)) {
        return true;
      }
    }
    return false;
  });
}

std::string DescribeIndexed(DocumentView document, const IndexSpec& index) {
  DocumentBuilder values;
  for (const std::string& path : index.paths) {
    const Leaves leaves = LeavesAt(document, path);
    values.Append(path, leaves.values.empty() ? NullValue() : leaves.values.front());
  }
  return ToExtendedJson(values.Finish().view(), JsonMode::kRelaxed);
}

}  // namespace rehome::sqlite
