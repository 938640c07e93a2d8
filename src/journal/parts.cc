#include "journal/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "model/fields.h"

namespace rehome {
namespace {

constexpr std::size_t kPartsOfOneRead = 16;  // 128 MiB at the most

Value PartKey(const Value& key, std::int32_t part) {
  const Document id = DocumentBuilder().Append("of", key).Int32("part", part).Finish();
  return Value(ValueView(BsonType::kDocument, id.bytes()));
}

}  // namespace

void AppendPartKeys(const Value& key, std::int32_t first, std::int32_t end,
                    std::vector<Value>& out) {
  for (std::int32_t part = first; part < end; ++part) {
    out.push_back(PartKey(key, part));
  }
}

std::int32_t AppendParts(const Value& key, const Document& document, std::vector<Write>& out) {
  const std::string_view bytes = document.bytes();
  std::int32_t count = 0;
  for (std::size_t start = 0; start < bytes.size(); start += kPartBytes) {
    out.push_back(Write::Put(DocumentBuilder()
                                 .Append("_id", PartKey(key, count++))
                                 .Binary("bytes", bytes.substr(start, kPartBytes))
                                 .Finish()));
  }
  return count;
}

Result<Document> ReadParts(DocumentStore& store, std::string_view collection, const Value& key,
                           std::int32_t parts, const Call& call) {
  std::string bytes;
  for (std::int32_t part = 0; part < parts; ++part) {
    const Value part_key = PartKey(key, part);
    REHOME_TRY_ASSIGN(const auto found, store.FindByIds(collection, {&part_key, 1}, call));
    if (!found.front()) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("part {} of a document in {} is missing", part, collection));
    }
    bytes += BinaryField(found.front()->view(), "bytes");
  }
  return Document::Parse(std::move(bytes));
}

Status RemoveParts(DocumentStore& store, std::string_view collection,
                   std::span<const Value> part_keys, const Call& call) {
  while (!part_keys.empty()) {
    const auto some = part_keys.first(std::min(kPartsOfOneRead, part_keys.size()));
    part_keys = part_keys.subspan(some.size());
    REHOME_TRY_ASSIGN(auto found, store.FindByIds(collection, some, call));
    std::vector<Write> gone;
    for (auto& part : found) {
      if (part) {
        gone.push_back(Write::Delete(*std::move(part)));
      }
    }
    if (!gone.empty()) {
      REHOME_TRY(store.Apply(collection, gone, {}, call));
    }
  }
  return {};
}

}  // namespace rehome
