#pragma once
// storable.h — what no store takes: asked before anything is written, and by the stores themselves.
#include <cstddef>
#include <string>

#include "model/document.h"
#include "model/vector_record.h"

namespace rehome {

inline constexpr std::size_t kDocumentBytesMax = std::size_t{16} << 20U;  // MongoDB's limit

/// Why `document`, which has an `_id`, cannot be stored ("is larger than 16 MiB"); empty: it can.
[[nodiscard]] std::string WhyNotStorable(DocumentView document);
/// Likewise of a vector ("all its values are zero, …"). `metadata_bytes` is the length of its
/// MetadataJson().
[[nodiscard]] std::string WhyNotStorable(const VectorRecord& record, std::size_t metadata_bytes);

}  // namespace rehome
