// pinecone_log.cc — a frame of the embedded server's log, as a damaged or hostile file may hold it.
// What can be read is written back as the same records.
#include <cstring>
#include <vector>

#include "pinecone_local/log_file.h"
#include "pinecone_local/log_record.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;                  // NOLINT(google-build-using-namespace): one function's
using namespace rehome::pinecone_local;  // NOLINT(google-build-using-namespace): worth of names

/// The mapped log is aligned so that numbers can be read where they lie; so is this copy.
class Aligned {
 public:
  explicit Aligned(std::string_view bytes) : words_(bytes.size() / sizeof(std::uint64_t) + 1) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
    text_ = {reinterpret_cast<const char*>(words_.data()), bytes.size()};
  }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::vector<std::uint64_t> words_;
  std::string_view text_;
};

/// Bit for bit: values may be NaN in a file that nobody checked.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

void CheckRecord(const VectorRecord& record) {
  FrameBuilder builder("ns", 7);
  builder.Put(record);
  const std::string frame = std::move(builder).Finish();
  const Aligned payload(std::string_view(frame).substr(kFrameHeaderBytes));
  std::size_t seen = 0;
  const Status read = ForEachOperation(
      0, payload.text(),
      [&](const FrameView& view, std::uint64_t /*offset*/,
          const OperationView& operation) -> Status {
        ++seen;
        CHECK(view.ns == "ns" && view.lsn == 7 && operation.kind == OperationKind::kPut);
        REHOME_TRY_ASSIGN(const VectorRecord back, ToRecord(operation));
        CHECK(back.id == record.id && back.metadata == record.metadata);
        CHECK(SameBits(back.values, record.values));
        CHECK(back.sparse.indices == record.sparse.indices);
        CHECK(SameBits(back.sparse.values, record.sparse.values));
        return {};
      });
  CHECK(read.has_value() && seen == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Aligned payload(fuzz::Text(data, size));
  const Status read = ForEachOperation(
      64, payload.text(),
      [&](const FrameView& view, std::uint64_t offset, const OperationView& operation) {
        CHECK(offset >= 64 && offset - 64 + operation.bytes.size() <= size);
        CHECK(view.ns.size() <= size && operation.text.size() <= size);
        CHECK(DenseOf(operation.bytes).values.data() == operation.values.data());
        if (const auto record = ToRecord(operation)) {
          CheckRecord(*record);
        } else {
          fuzz::CheckRefusal(record.error(), ErrorCode::kDataLoss);
        }
        return Status{};
      });
  if (!read) {
    fuzz::CheckRefusal(read.error(), ErrorCode::kDataLoss);
  }
  return 0;
}
