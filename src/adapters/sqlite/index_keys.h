#pragma once
// index_keys.h — what a document's entries in an index are, as MongoDB sees it: an array gives one
// entry for each element, a missing field counts as null, an empty array as undefined.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/document.h"
#include "ports/document_store.h"

namespace rehome::sqlite {

/// MongoDB's index document for `spec`, all paths ascending.
[[nodiscard]] Document IndexDocument(const IndexSpec& spec);
/// The spec of an index document; nothing for kinds that are kept as metadata only (text, hashed,
/// 2dsphere, wildcard, partial, sparse, collation, …). A descending path is as good as an ascending
/// one: entries are looked up by equality.
[[nodiscard]] std::optional<IndexSpec> ParseIndex(DocumentView index);

/// One value of the key of an entry. No part is a prefix of another, so parts of several paths can
/// be joined.
[[nodiscard]] std::string KeyPart(ValueView value);
/// The entries of `document`: for each path one KeyPart, joined; ascending, without duplicates.
[[nodiscard]] std::vector<std::string> IndexKeys(DocumentView document, const IndexSpec& index);
/// Whether both documents hold the same bytes in every field that `index` looks into: then their
/// entries are equal.
[[nodiscard]] bool SameIndexedFields(DocumentView before, DocumentView after,
                                     const IndexSpec& index);
/// Whether the value at `path`, or an element of the array there, has one of `sort_keys`
/// (ascending).
[[nodiscard]] bool HasFieldValue(DocumentView document, std::string_view path,
                                 std::span<const std::string> sort_keys);
/// `{path: value, …}` as Extended JSON, for messages.
[[nodiscard]] std::string DescribeIndexed(DocumentView document, const IndexSpec& index);

}  // namespace rehome::sqlite
