#pragma once
// item.h — what identifies an item and what its digest is.
#include <string>
#include <string_view>

#include "base/digest.h"
#include "model/document.h"

namespace rehome {

inline constexpr std::string_view kIsEmbedded = "is_embedded";
inline constexpr std::string_view kEmbeddingId = "embedding_id";

/// The part of an item_id that stands for the source `_id` (docs/item-ids.md has the table):
/// lower-case hex for an ObjectId, one form for numbers that MongoDB compares equal, a type tag for
/// every other type, printable ASCII only.
[[nodiscard]] std::string IdText(ValueView id);

/// `pattern` with `{_id}` replaced by IdText; over 512 bytes the IdText becomes its SHA-256 in hex.
[[nodiscard]] std::string ItemId(std::string_view pattern, ValueView source_id);

/// MD5 over the BSON as stored, without is_embedded and embedding_id.
[[nodiscard]] Md5Digest DocumentDigest(DocumentView document);
/// Whether the bytes that DocumentDigest() reads are the same.
[[nodiscard]] bool SameButForMark(DocumentView a, DocumentView b);

/// The same item with its mark set (embedding_id = `embedding_id`) or reset (empty: false and
/// null).
[[nodiscard]] Document WithMark(DocumentView item, std::string_view embedding_id);
[[nodiscard]] bool IsMarked(DocumentView item);

}  // namespace rehome
