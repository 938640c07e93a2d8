#pragma once
// vector_record.h — one vector with its metadata, as Pinecone's data model has it.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace rehome {

/// Flat: string, number (float64), bool or list of strings. Keys in byte order.
using MetadataValue = std::variant<std::string, double, bool, std::vector<std::string>>;
using Metadata = std::map<std::string, MetadataValue, std::less<>>;

struct SparseValues {
  std::vector<std::uint32_t> indices;
  std::vector<float> values;
  bool operator==(const SparseValues&) const = default;
};

struct VectorRecord {
  std::string id;             // 1..512 bytes of ASCII
  std::vector<float> values;  // the index's dimension; empty on a sparse index
  SparseValues sparse;        // empty: none
  Metadata metadata;          // empty: none
  bool operator==(const VectorRecord&) const = default;
};

// The stamps in the metadata of every vector that rehome writes: evidence of ownership and
// freshness.
inline constexpr std::string_view kStampContract = "rehome_contract";
inline constexpr std::string_view kStampText = "rehome_text";  // MD5 of the text that was embedded
inline constexpr std::string_view kStampValues = "rehome_values";  // MD5 of the float32 bytes
inline constexpr std::size_t kMetadataBytesMax = 40'960;           // Pinecone's limit per record

/// Compact JSON, keys in byte order, numbers shortest: the form that digests and size limits are
/// taken of.
[[nodiscard]] std::string MetadataJson(const Metadata& metadata);
[[nodiscard]] std::string MetadataValueJson(const MetadataValue& value);
/// Digest of float32 values (little-endian bytes, in order).
[[nodiscard]] Md5Digest ValuesDigest(const std::vector<float>& values);
/// Digest of metadata, values and sparse values: equal records, equal digests.
[[nodiscard]] Md5Digest VectorDigest(const VectorRecord& record);
/// One line of a Pinecone upsert record: {"id":…,"values":[…],"sparseValues":…,"metadata":…};
/// floats shortest float32.
[[nodiscard]] std::string VectorJson(const VectorRecord& record);
/// Reads such a line. kInvalidArgument names the field.
[[nodiscard]] Result<VectorRecord> ParseVectorJson(std::string_view json);

}  // namespace rehome
