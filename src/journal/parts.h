#pragma once
// parts.h — a document of any size beside a record of the journal: cut, since a document that holds
// another one must fit into 16 MiB with it. The parts of KEY are { _id: { of: KEY, part: N }, bytes }.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/document.h"
#include "ports/document_store.h"

namespace rehome {

inline constexpr std::size_t kPartBytes = std::size_t{8} << 20U;

/// Appends what writes `document` in parts; returns how many.
[[nodiscard]] std::int32_t AppendParts(const Value& key, const Document& document,
                                       std::vector<Write>& out);
/// Appends the `_id`s of the parts first … end-1 beside `key`.
void AppendPartKeys(const Value& key, std::int32_t first, std::int32_t end,
                    std::vector<Value>& out);
/// The document of `parts` parts; kDataLoss if one is missing.
[[nodiscard]] Result<Document> ReadParts(DocumentStore& store, std::string_view collection,
                                         const Value& key, std::int32_t parts, const Call& call);
/// Absent ones are success.
[[nodiscard]] Status RemoveParts(DocumentStore& store, std::string_view collection,
                                 std::span<const Value> part_keys, const Call& call);

}  // namespace rehome
