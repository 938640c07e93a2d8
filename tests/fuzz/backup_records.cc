// backup_records.cc — the files of a backup and of other tools' exports. Input: the kind of file, then
// its bytes. What is read is well-formed, and packing gives back what went in.
#include <algorithm>
#include <fstream>

#include "backup/json_file.h"
#include "backup/records.h"
#include "model/vector_record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_directory.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

constexpr std::size_t kRecordsMax = 1'000;

const std::filesystem::path& Scratch() {
  static const ScratchDirectory directory;
  return directory.path();
}

std::filesystem::path Write(std::string_view name, std::string_view bytes) {
  const std::filesystem::path path = Scratch() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

void ReadDocuments(const std::filesystem::path& path, const Packing& packing) {
  auto reader = DocumentReader::Open(path, FileReader::Hash::kYes, packing);
  CHECK(reader.has_value());
  for (std::size_t i = 0; i < kRecordsMax; ++i) {
    const auto document = reader->Next();
    if (!document) {
      fuzz::CheckRefusal(document.error(), ErrorCode::kDataLoss);
    }
    if (document ? !*document : reader->is_bson() || !packing.plain()) {
      break;
    }
    CHECK(!document || Document::Parse((*document)->bytes()).has_value());
  }
  static_cast<void>(reader->file().Finish());
}

void ReadVectors(const std::filesystem::path& path) {
  auto reader = VectorReader::Open(path, FileReader::Hash::kNo);
  CHECK(reader.has_value());
  for (std::size_t i = 0; i < kRecordsMax; ++i) {
    const auto record = reader->Next();
    if (!record) {
      fuzz::CheckRefusal(record.error(), ErrorCode::kDataLoss);
    } else if (!*record) {
      break;
    } else {
      CHECK(ParseVectorJson(VectorJson(**record)) == **record);
    }
  }
}

void ReadExport(const std::filesystem::path& path) {
  auto file = JsonFile::Open(path);
  CHECK(file.has_value());
  std::uint64_t line = 0;
  while (true) {
    const auto document = file->Next();
    if (!document || !*document) {
      break;
    }
    CHECK(file->line() >= line && !(*document)->empty());
    line = file->line();
  }
}

/// Packed in pieces with turns between, unpacked in other pieces, it is the same.
void CheckPacking(const Packing& packing, std::string_view plain) {
  constexpr std::size_t kPiece = 61;
  Packer packer(packing, "documents/a");
  std::string packed;
  for (std::size_t at = 0; at < plain.size(); at += kPiece) {
    CHECK(packer.Append(plain.substr(at, kPiece), packed).has_value());
    CHECK(at % 3 != 0 || packer.Turn(packed).has_value());
  }
  CHECK(packer.Finish(packed).has_value());
  Unpacker unpacker(packing, "documents/a");
  std::string unpacked;
  for (std::size_t at = 0; at < packed.size(); at += kPiece + 1) {
    unpacker.Feed(std::string_view(packed).substr(at, kPiece + 1));
    for (Result<bool> more = true; *more;) {
      more = unpacker.Produce(unpacked);
      CHECK(more.has_value());
    }
  }
  CHECK(unpacker.End().has_value());
  CHECK(unpacked == plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Packing compressed{.zstd = true, .key = {}};
  static const Packing both = *MakePacking(true, Secret(std::string(64, '7')));
  const auto [kind, bytes] = fuzz::Parts<2>(fuzz::Text(data, size));
  if (kind == "documents") {
    ReadDocuments(Write("a.json", bytes), {});
  } else if (kind == "bson") {
    ReadDocuments(Write("a.bson", bytes), {});
  } else if (kind == "vectors") {
    ReadVectors(Write("v.jsonl", bytes));
  } else if (kind == "export") {
    ReadExport(Write("e.json", bytes));
  } else if (kind == "zstd") {
    ReadDocuments(Write("a.json.zst", bytes), compressed);
  } else if (kind == "packing") {
    CheckPacking(compressed, bytes);
    CheckPacking(both, bytes);
  } else {
    return -1;  // not for the corpus
  }
  return 0;
}
