#include "sim/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace rehome::sim {
namespace {

constexpr std::size_t kReadBytesMax = std::size_t{4} << 20U;
constexpr std::size_t kRangesMax = 16;
constexpr std::size_t kOthersMax = 3;
constexpr std::array kWords{"need",   "shop",   "api",   "go",    "rust",    "cloud", "données",
                            "design", "mobile", "legal", "chart", "billing", "ETL",   "日本",
                            "wiki",   "video",  "sql",   "maps",  "search",  "bot"};

/// The collections beside items.from that the application of this plan has.
std::set<std::string> OtherCollections(const Plan& plan) {
  std::set<std::string> out(plan.backup.collections.begin(), plan.backup.collections.end());
  out.insert(plan.retire.collections.begin(), plan.retire.collections.end());
  for (const StampPlan& stamp : plan.stamps) {
    out.insert(stamp.collection);
  }
  if (plan.verify.probes) {
    out.insert(plan.verify.probes->from);
  }
  out.erase(plan.items.from);
  return out;
}

Status Read(DocumentStore& store, const std::string& collection, const IdRange& range,
            std::size_t count_max, std::vector<Document>& out, const Call& call) {
  REHOME_TRY_ASSIGN(const auto cursor, store.Scan(collection, range, call));
  while (count_max > 0) {
    REHOME_TRY_ASSIGN(auto documents, cursor->Next(count_max, kReadBytesMax));
    if (documents.empty()) {
      return {};
    }
    count_max -= std::min(count_max, documents.size());
    std::ranges::move(documents, std::back_inserter(out));
  }
  return {};
}

/// What the plan's rules read, as a tree: keys and array elements down to values.
struct Shape {
  std::map<std::string, Shape> fields;
  std::vector<Shape> element;  // one, or none: not an array
  std::vector<Value> wanted;   // values that a rule of tenants.assign looks for

  void Add(const FieldPath& path, const Value* value) {
    Shape* at = this;
    for (const auto& step : path.steps) {
      if (const auto* key = std::get_if<std::string>(&step)) {
        at = &at->fields[*key];
      } else {
        at->element.resize(1);
        at = &at->element.front();
      }
    }
    if (value != nullptr) {
      at->wanted.push_back(*value);
    }
  }
  void Add(const FieldRule& rule) {
    for (const FieldPath& path : rule.from) {
      Add(path, nullptr);
    }
    for (const FieldRule& alternative : rule.alternatives) {
      Add(alternative);
    }
  }
};

Shape ShapeOf(const Plan& plan) {
  Shape out;
  for (const auto& [name, rule] : plan.items.fields) {
    out.Add(rule);
  }
  for (const std::string& dropped : plan.items.drop) {
    out.fields[dropped];
  }
  for (const AssignRule& rule : plan.tenants.assign) {
    if (const auto* match = std::get_if<AssignRule::Match>(&rule.when)) {
      out.Add(match->field, &match->equals);
    } else if (const auto* lookup = std::get_if<AssignRule::Lookup>(&rule.when)) {
      for (const auto& [key, tenant] : lookup->rows) {
        const Value value = Value::String(key);
        out.Add(lookup->field, &value);
      }
    }
  }
  return out;
}

std::string Phrase(Random& random) {
  std::string out;
  for (std::uint64_t i = 0; i <= random.Below(4); ++i) {
    out += fmt::format("{}{}", out.empty() ? "" : " ", kWords[random.Below(kWords.size())]);
  }
  return out;
}

class Maker {
 public:
  explicit Maker(Random& random) : random_(random) {}

  Document Make(const Shape& shape, const Value& id) {
    DocumentBuilder builder;
    builder.Append("_id", id);
    Fields(builder, shape);
    return builder.Finish();
  }

 private:
  void Fields(DocumentBuilder& builder, const Shape& shape) {
    for (const auto& [key, child] : shape.fields) {
      if (key == "_id" || random_.Below(12) == 0) {
        continue;
      }
      if (!child.wanted.empty()) {
        if (random_.Below(10) != 0) {
          builder.Append(key, child.wanted[random_.Below(child.wanted.size())]);
        } else {
          builder.String(key, Phrase(random_));
        }
      } else if (!child.fields.empty()) {
        DocumentBuilder inner;
        Fields(inner, child);
        builder.Append(key, inner.Finish());
      } else if (!child.element.empty()) {
        builder.Array(key, List(child.element.front()));
      } else {
        Leaf(builder, key);
      }
    }
  }

  Document List(const Shape& element) {
    ArrayBuilder builder;
    for (std::uint64_t i = random_.Below(4); i > 0; --i) {
      if (element.fields.empty()) {
        builder.String(Phrase(random_));
      } else {
        DocumentBuilder inner;
        Fields(inner, element);
        builder.Append(inner.Finish());
      }
    }
    return builder.Finish();
  }

  void Leaf(DocumentBuilder& builder, const std::string& key) {
    switch (random_.Below(10)) {
      case 0:
        builder.Null(key);
        break;
      case 1:
        builder.Int32(key, static_cast<std::int32_t>(random_.Below(1000)));
        break;
      case 2:
      case 3:
        builder.Array(key, List({}));
        break;
      default:
        builder.String(key, Phrase(random_));
    }
  }

  Random& random_;
};

}  // namespace

Value MadeUpId(std::uint64_t number, Random& random) {
  switch (random.Below(4)) {
    case 0:
      return Value::Int32(static_cast<std::int32_t>(number));
    case 1:
      return Value::String(fmt::format("id {}", number));
    case 2:
      return Value::Int64(static_cast<std::int64_t>(number) << 33U);
    default: {
      std::string bytes(12, '\0');
      for (std::size_t i = 0; i < 8; ++i) {
        bytes[11 - i] = static_cast<char>((number >> (8 * i)) & 0xFFU);
      }
      return Value(ValueView(BsonType::kObjectId, bytes));
    }
  }
}

Document WithId(const Document& document, const Value& id) {
  DocumentBuilder builder;
  builder.Append("_id", id);
  for (const auto& [key, value] : document.view()) {
    if (key != "_id") {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

Sample GenerateSample(const Plan& plan, std::size_t count, Random random) {
  Sample out;
  out.generated = true;
  const Shape shape = ShapeOf(plan);
  Maker maker(random);
  for (std::size_t i = 0; i < count; ++i) {
    out.sources.push_back(maker.Make(shape, MadeUpId(i, random)));
  }
  Shape other;
  if (plan.verify.probes) {
    other.Add(plan.verify.probes->field, nullptr);
  }
  for (const std::string& collection : OtherCollections(plan)) {
    for (std::size_t i = 0; i < kOthersMax; ++i) {
      out.collections[collection].push_back(maker.Make(other, MadeUpId(i, random)));
    }
  }
  return out;
}

Result<Sample> TakeSample(const Plan& plan, DocumentStore& source, std::size_t count_max,
                          const Call& call) {
  Sample out;
  REHOME_TRY_ASSIGN(const auto ranges, source.SplitRanges(plan.items.from, kRangesMax, call));
  for (const IdRange& range : ranges) {
    REHOME_TRY(Read(source, plan.items.from, range,
                    std::max<std::size_t>(1, count_max / ranges.size()), out.sources, call));
  }
  if (out.sources.empty()) {
    constexpr std::uint64_t kSeed = 1;
    return GenerateSample(plan, count_max, Random(kSeed));
  }
  for (const std::string& collection : OtherCollections(plan)) {
    REHOME_TRY(Read(source, collection, {}, kOthersMax, out.collections[collection], call));
  }
  return out;
}

}  // namespace rehome::sim
