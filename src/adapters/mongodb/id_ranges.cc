#include "adapters/mongodb/id_ranges.h"

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "model/number.h"
#include "model/sort_key.h"

namespace rehome::mongodb {
namespace {

/// Types that MongoDB compares with each other, in the order of the groups. Arrays, undefined and
/// regular expressions are no ids.
struct Group {
  std::array<BsonType, 4> types{};  // the first one repeated where there are fewer
  bool one_value = false;           // holds one value only
  bool rare = false;                // a server that is not MongoDB itself may not know it
};

constexpr Group Of(BsonType type) {
  return {{type, type, type, type}};
}
constexpr Group One(BsonType type) {
  return {{type, type, type, type}, true};
}
constexpr Group Rare(BsonType type) {
  return {{type, type, type, type}, false, true};
}

constexpr std::array kGroups{
    One(BsonType::kMinKey),
    One(BsonType::kNull),
    Group{{BsonType::kDouble, BsonType::kInt32, BsonType::kInt64, BsonType::kDecimal128}},
    Group{{BsonType::kString, BsonType::kSymbol, BsonType::kString, BsonType::kString}},
    Of(BsonType::kDocument),
    Of(BsonType::kBinary),
    Of(BsonType::kObjectId),
    Of(BsonType::kBool),
    Of(BsonType::kDate),
    Of(BsonType::kTimestamp),
    Rare(BsonType::kDbPointer),
    Rare(BsonType::kCode),
    Rare(BsonType::kCodeWithScope),
    One(BsonType::kMaxKey),
};

/// Where a value's group stands; one that is no id stands where its type would.
std::size_t GroupOf(ValueView value) {
  for (std::size_t at = 0; at < kGroups.size(); ++at) {
    for (const BsonType type : kGroups[at].types) {
      if (type == value.type()) {
        return at;
      }
    }
  }
  return kGroups.size();
}

bool IsNaN(ValueView value) {
  return IsNumber(value.type()) && Exactly(value).kind == ExactNumber::Kind::kNaN;
}

Document OnId(const Document& condition) {
  return DocumentBuilder().Append("_id", condition).Finish();
}

std::int32_t TypeNumber(BsonType type) {
  return type == BsonType::kMinKey ? -1 : static_cast<std::int32_t>(type);
}

/// Every id of the groups from `first` to before `end`; nothing if there are none.
std::optional<Document> WholeGroups(std::size_t first, std::size_t end, bool every_type) {
  ArrayBuilder types;
  bool any = false;
  for (std::size_t at = first; at < end; ++at) {
    if (kGroups[at].rare && !every_type) {
      continue;
    }
    for (std::size_t i = 0; i < kGroups[at].types.size(); ++i) {
      const BsonType type = kGroups[at].types[i];
      const bool repeated = i > 0 && type == kGroups[at].types.front();
      if (!repeated && (every_type || type != BsonType::kSymbol)) {
        types.Append(Value::Int32(TypeNumber(type)).view());
        any = true;
      }
    }
  }
  if (!any) {
    return std::nullopt;
  }
  return OnId(DocumentBuilder().Array("$type", types.Finish()).Finish());
}

Value Binary(std::uint8_t subtype, std::string_view bytes) {
  std::string payload(1, static_cast<char>(bytes.size()));
  payload.append(3, '\0').push_back(static_cast<char>(subtype));
  return Value(ValueView(BsonType::kBinary, payload.append(bytes)));
}

bool IsBinary(const std::optional<Value>& bound) {
  return bound && bound->view().type() == BsonType::kBinary;
}

/// Where a server that keeps UUIDs apart orders a binary value: others, old UUIDs, UUIDs.
std::size_t KindOf(const Value& binary) {
  constexpr std::size_t kUuidBytes = 5 + 16;
  const std::string_view payload = binary.view().payload();
  const bool is_uuid = payload.size() == kUuidBytes && (payload[4] == 3 || payload[4] == 4);
  return is_uuid ? static_cast<std::size_t>(payload[4]) - 2 : 0;
}

/// after < _id <= upto among binary values on a server that compares each kind with itself only. It
/// orders old UUIDs by their two halves, each a signed number with its bytes reversed.
void AppendKinds(const std::optional<Value>& after, const std::optional<Value>& upto,
                 std::vector<Document>& out) {
  using namespace std::string_literals;
  const std::string least = "\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\x80"s;
  const std::string most = "\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x7f"s;
  const std::array firsts{Binary(0, ""), Binary(3, least), Binary(4, std::string(16, '\0'))};
  const std::array lasts{Binary(0, ""), Binary(3, most), Binary(4, std::string(16, '\xff'))};
  const std::size_t lowest = after ? KindOf(*after) : 0;
  const std::size_t highest = upto ? KindOf(*upto) : firsts.size() - 1;
  for (std::size_t kind = lowest; kind <= highest; ++kind) {
    DocumentBuilder condition;
    if (after && kind == lowest) {
      condition.Append("$gt", *after);
    } else {
      condition.Append("$gte", firsts[kind]);
    }
    if (upto && kind == highest) {
      condition.Append("$lte", *upto);
    } else if (kind > 0) {
      condition.Append("$lte", lasts[kind]);
    }
    out.push_back(OnId(condition.Finish()));
  }
}

/// after < _id <= upto inside one group; either may be absent, then the group's end bounds.
void AppendInGroup(const std::optional<Value>& after, const std::optional<Value>& upto,
                   bool uuids_apart, std::vector<Document>& out) {
  if (uuids_apart && (IsBinary(after) || IsBinary(upto))) {
    AppendKinds(after, upto, out);
    return;
  }
  const Group& group = kGroups[GroupOf((after ? *after : *upto).view())];
  if (group.one_value) {
    if (!after) {
      out.push_back(IdFilter(upto->view()));
    }
    return;
  }
  // NaN is the least number, but no comparison finds it.
  if (upto && IsNaN(upto->view())) {
    if (!after) {
      out.push_back(IdFilter(upto->view()));
    }
    return;
  }
  if (!after && IsNumber(upto->view().type())) {
    out.push_back(IdFilter(Value::Double(std::numeric_limits<double>::quiet_NaN()).view()));
  }
  DocumentBuilder condition;
  if (after && IsNaN(after->view())) {
    condition.Double("$gte", -std::numeric_limits<double>::infinity());
  } else if (after) {
    condition.Append("$gt", *after);
  }
  if (upto) {
    condition.Append("$lte", *upto);
  }
  out.push_back(OnId(condition.Finish()));
}

}  // namespace

Document IdFilter(ValueView id) {
  // As an operand, since a document may look like operators and a server may look for them.
  const bool plain = id.type() != BsonType::kDocument;
  return plain ? DocumentBuilder().Append("_id", id).Finish()
               : OnId(DocumentBuilder().Append("$eq", id).Finish());
}

bool AsksForRareTypes(const IdRange& range, RareTypes rare_types) {
  return rare_types == RareTypes::kAssumed && (IsBinary(range.after) || IsBinary(range.upto));
}

std::vector<Document> RangeFilters(const IdRange& range, RareTypes rare_types) {
  if (!range.after && !range.upto) {
    return {Document()};
  }
  if (range.after && range.upto && SortKey(range.after->view()) >= SortKey(range.upto->view())) {
    return {};
  }
  const bool every_type = rare_types != RareTypes::kUnknown;
  std::vector<Document> out;
  if (AsksForRareTypes(range, rare_types)) {
    out.push_back(OnId(DocumentBuilder()
                           .Int32("$type", TypeNumber(BsonType::kCode))
                           .Array("$in", Document())
                           .Finish()));
  }
  const std::size_t first = range.after ? GroupOf(range.after->view()) : kGroups.size();
  const std::size_t last = range.upto ? GroupOf(range.upto->view()) : kGroups.size();
  if (range.after && first == last) {
    AppendInGroup(range.after, range.upto, !every_type, out);
    return out;
  }
  if (first < kGroups.size()) {
    AppendInGroup(range.after, std::nullopt, !every_type, out);
  }
  if (auto between = WholeGroups(range.after ? first + 1 : 0, last, every_type)) {
    out.push_back(*std::move(between));
  }
  if (last < kGroups.size()) {
    AppendInGroup(std::nullopt, range.upto, !every_type, out);
  }
  return out;
}

}  // namespace rehome::mongodb
