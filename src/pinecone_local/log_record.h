#pragma once
// log_record.h — what a frame of the log says: one namespace, its log sequence number after the
// frame, and operations. All of a frame takes effect or none. Everything is padded to 8 bytes,
// little-endian, so that the float32 values can be read where they lie.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/vector_record.h"

namespace rehome::pinecone_local {

// NOLINTNEXTLINE(performance-enum-size): as it is stored
enum class OperationKind : std::uint32_t {
  kPut = 1,              // a whole record
  kDelete = 2,           // text: the id
  kClear = 3,            // every record of the namespace
  kCreateNamespace = 4,  // text: its schema as JSON, may be empty
  kDropNamespace = 5,
  kConfigure = 6,  // text: the index's configuration as JSON
  kSetAlias = 7,   // text: a namespace alias as JSON
  kDropAlias = 8,  // text: its name
};

/// A stored operation, read in place: valid while the log's mapping is.
struct OperationView {
  OperationKind kind = OperationKind::kPut;
  std::string_view text;  // kPut: the id
  std::span<const float> values;
  double norm = 0;  // Euclidean norm of `values`
  std::span<const std::uint32_t> sparse_indices;
  std::span<const float> sparse_values;
  std::string_view metadata;  // compact JSON; empty: none
  std::string_view bytes;     // the operation as stored
};

/// Reads the operation at the start of `bytes`. kDataLoss if it does not fit.
[[nodiscard]] Result<OperationView> DecodeOperation(std::string_view bytes);

/// The dense values alone of a stored record that was decoded before, and their norm: what a scan
/// reads.
struct DenseView {
  std::span<const float> values;
  double norm = 0;
};
[[nodiscard]] DenseView DenseOf(std::string_view bytes);

/// Copies a stored record out of the log.
[[nodiscard]] Result<VectorRecord> ToRecord(const OperationView& stored);

class FrameBuilder {
 public:
  FrameBuilder(std::string_view ns, std::uint64_t lsn);
  void Put(const VectorRecord& record);
  /// Copies an operation as it is stored.
  void Copy(const OperationView& stored) { bytes_ += stored.bytes; }
  void Add(OperationKind kind, std::string_view text = {});
  /// The frame as LogFile::Append takes it.
  [[nodiscard]] std::string Finish() && { return std::move(bytes_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

struct FrameView {
  std::string_view ns;
  std::uint64_t lsn = 0;
};
using OperationSink = std::function<Status(const FrameView& frame, std::uint64_t offset,
                                           const OperationView& operation)>;

/// Calls `sink` for each operation of a frame with its offset in the file; `offset` is the
/// payload's.
[[nodiscard]] Status ForEachOperation(std::uint64_t offset, std::string_view payload,
                                      const OperationSink& sink);

}  // namespace rehome::pinecone_local
