#pragma once
// metadata.h — a record's metadata from JSON: flat; strings, numbers, booleans, lists of strings.
#include <simdjson.h>

#include <string_view>

#include "base/error.h"
#include "model/vector_record.h"

namespace rehome::pinecone_local {

/// kInvalidArgument with the API's text for null, nested, mixed and `$` keys.
[[nodiscard]] Result<Metadata> ParseMetadata(const simdjson::dom::element& json);
[[nodiscard]] Result<Metadata> ParseMetadata(const simdjson::dom::object& json);
/// kInvalidArgument if its compact JSON is over 40,960 bytes.
[[nodiscard]] Status CheckMetadataSize(const Metadata& metadata);
/// Reads what the log holds; empty text is empty metadata. kDataLoss if it is not metadata.
[[nodiscard]] Result<Metadata> ReadStoredMetadata(std::string_view json);

}  // namespace rehome::pinecone_local
