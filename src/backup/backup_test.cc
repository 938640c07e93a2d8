#include "backup/backup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "backup/duplicates.h"
#include "backup/load.h"
#include "backup/names.h"
#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"
#include "tests/support/json.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

namespace fs = std::filesystem;
using sim::MemoryDocumentStore;
using sim::MemoryVectorStore;
using testing_support::Json;
using Kind = BackupProblem::Kind;

class SilentSink final : public EventSink {
 public:
  void PhaseStarted(Phase) override {}
  void PhaseFinished(Phase, PhaseState, double) override {}
  void Advanced(const Progress&) override {
    if (on_advance) {
      on_advance();
    }
  }
  void Note(std::string text) override { notes.push_back(std::move(text)); }
  void Warn(std::string text) override { warnings.push_back(std::move(text)); }
  std::function<void()> on_advance;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
};

template <class T>
T Ok(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  CHECK(result.has_value());
  return *std::move(result);
}

/// One of every BSON type, `_id`s that only look alike, and what Extended JSON cannot carry.
std::vector<Document> TortureCollection() {
  std::vector<Document> out;
  for (
      const char* text : {
          R"({"_id":{"$minKey":1}})",
          R"({"_id":null,"v":{"$undefined":true}})",
          R"({"_id":{"$numberInt":"5"},"a":1})",
          R"({"_id":{"$numberDouble":"5.5"},"nan":{"$numberDouble":"NaN"}})",
          R"({"_id":{"$numberDouble":"6.5"},"zero":{"$numberDouble":"-0.0"}})",
          R"({"_id":{"$numberLong":"9007199254740993"},"inf":{"$numberDouble":"-Infinity"}})",
          R"({"_id":{"$numberDecimal":"1E+6144"},"d":{"$numberDecimal":"4.90"}})",
          R"({"_id":"5","text":"\u0000 \n \u202e \" \\ ","symbol":{"$symbol":"s"}})",
          R"({"_id":{"x":{"$oid":"0123456789abcdef01234567"}},"list":[[],{},[1,"2"]]})",
          R"({"_id":{"$binary":{"base64":"AAECAw==","subType":"04"}},"n":null})",
          R"({"_id":1e9,"re":{"$regularExpression":{"pattern":"a/b","options":"ix"}}})",
          R"({"_id":{"$oid":"d0e4af7dad5035654059faff"},"code":{"$code":"return 1"}})",
          R"({"_id":{"$oid":"d0e4af7dad5035654059fb00"},"c":{"$code":"g","$scope":{"a":1}}})",
          R"({"_id":{"$date":{"$numberLong":"-62135596800001"}},"b":false})",
          R"({"_id":{"$timestamp":{"t":4294967295,"i":1}},"max":{"$maxKey":1}})",
          R"({"_id":true,"p":{"$dbPointer":{"$ref":"c","$id":{"$oid":"0123456789abcdef01234567"}}}})",
      }) {
    out.push_back(Json(text));
  }
  const Document shaped = DocumentBuilder().String("$oid", "not an id").Finish();
  out.push_back(DocumentBuilder().String("_id", "shaped").Append("v", shaped).Finish());
  out.push_back(DocumentBuilder().String("_id", "utf8").String("v", "\xff\xfe").Finish());
  out.push_back(DocumentBuilder().String("_id", "twice").Int32("k", 1).Int32("k", 2).Finish());
  const std::uint64_t payload = 0x7ff8'0000'dead'beefULL;
  double nan = 0;
  std::memcpy(&nan, &payload, sizeof(nan));
  out.push_back(DocumentBuilder().String("_id", "nan").Double("v", nan).Finish());
  Document deep;
  for (int level = 0; level < 97; ++level) {
    deep = DocumentBuilder().Append("d", deep).Finish();
  }
  out.push_back(DocumentBuilder().String("_id", "deep").Append("d", deep).Finish());
  std::ranges::sort(out, {}, [](const Document& document) { return SortKey(document.Id()); });
  return out;
}

VectorRecord Vector(std::string id, std::vector<float> values) {
  VectorRecord record;
  record.id = std::move(id);
  record.values = std::move(values);
  record.metadata.emplace("n", 1.5);
  record.metadata.emplace("tags", std::vector<std::string>{"a", "b"});
  return record;
}

const Secret kKey(std::string(64, 'a'));

struct Packed {
  const char* name;
  bool zstd;
  Secret key;
  std::string_view suffix;
};
const Packed kPackings[] = {{"plain", false, Secret(), ""},
                            {"zstd", true, Secret(), ".zst"},
                            {"encrypted", false, kKey, ".enc"},
                            {"both", true, kKey, ".zst.enc"}};

class BackupTest : public ::testing::Test {
 protected:
  void DetectEveryFlippedByte(const Packed& packed);
  void GoOnWhereItWasInterrupted(const Packed& packed);
  void SetUp() override {
    Insert(documents_, "torture", TortureCollection());
    Insert(documents_, "plain",
           {Json(R"({"_id":1,"a":"x"})"), Json(R"({"_id":2,"is_embedded":true})")});
    Ok(vectors_.Upsert(
        "legacy",
        std::vector{Vector("b", {1.0F, -0.0F, std::numeric_limits<float>::denorm_min()}),
                    Vector("a", {0.1F, std::nextafter(0.1F, 1.0F), 3.4e38F})},
        call_));
  }

  void Insert(DocumentStore& store, std::string_view collection, const std::vector<Document>& all) {
    std::vector<Write> writes;
    for (const Document& document : all) {
      writes.push_back(Write::Insert(document));
    }
    for (const WriteResult& result : Ok(store.Apply(collection, writes, {}, call_))) {
      ASSERT_TRUE(result.applied());
    }
  }
  std::vector<Document> All(DocumentStore& store, std::string_view collection) {
    return Ok(Ok(store.Scan(collection, {}, call_))->Next(100'000, 1U << 30U));
  }
  BackupRequest Request() {
    BackupRequest request;
    request.documents = &documents_;
    request.vectors = &vectors_;
    request.collections = {"torture", "plain"};
    request.namespaces = {"legacy"};
    request.dir = dir_ / "backups";
    return request;
  }
  ProofResult Prove(const BackupResult& backup, MemoryDocumentStore& scratch,
                    MemoryVectorStore* scratch_vectors, const Secret& key = {}) {
    RestoreRequest request;
    request.backup = backup.path;
    request.documents = &scratch;
    request.vectors = scratch_vectors;
    request.key = key;
    return Ok(ProveRestore(request, clock_, sink_, call_));
  }
  BackupResult Create() { return Ok(CreateBackup(Request(), clock_, sink_, call_)); }
  RestoreRequest RestoreOf(const fs::path& backup, DocumentStore* documents, VectorStore* vectors) {
    RestoreRequest request;
    request.backup = backup;
    request.documents = documents;
    request.vectors = vectors;
    request.save_document = [this](const std::string&, const Document& document) {
      saved_.push_back(document);
      return Status{};
    };
    request.save_vector = [this](const std::string&, const VectorRecord& record) {
      saved_vectors_.push_back(record.id);
      return Status{};
    };
    return request;
  }
  static std::string Read(const fs::path& path) { return Ok(ReadFile(path)); }
  static void Put(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static bool Has(const VerifyResult& result, Kind kind, std::string_view file) {
    return std::ranges::any_of(result.problems, [&](const BackupProblem& problem) {
      return problem.kind == kind && problem.file == file;
    });
  }

  const ScratchDirectory scratch_;
  const fs::path dir_ = scratch_.path();
  MemoryDocumentStore documents_;
  MemoryVectorStore vectors_{MemoryVectorStore::Options{.page_count = 1}};
  ManualClock clock_;
  SilentSink sink_;
  Call call_;
  std::vector<Document> saved_;
  std::vector<std::string> saved_vectors_;
};

TEST_F(BackupTest, RestoresEveryTypeByteForByteAndFloatsBitForBit) {
  const BackupResult backup = Create();
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
  EXPECT_EQ(backup.manifest.collections[1].window.consistency, Consistency::kExact);
  MemoryDocumentStore target;
  MemoryVectorStore target_vectors;
  const auto request = RestoreOf(backup.path, &target, &target_vectors);
  const RestoreResult first = Ok(RestoreBackup(request, clock_, sink_, call_));
  EXPECT_TRUE(first.complete());
  EXPECT_EQ(first.collections.at("torture").inserted, TortureCollection().size());
  EXPECT_EQ(All(target, "torture"), All(documents_, "torture"));
  const std::vector<std::string> ids{"a", "b"};
  const auto want = Ok(vectors_.Fetch("legacy", ids, call_));
  const auto got = Ok(target_vectors.Fetch("legacy", ids, call_));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(VectorDigest(got[0]), VectorDigest(want[0]));
  EXPECT_TRUE(std::signbit(got[1].values[1]));
  const RestoreResult again = Ok(RestoreBackup(request, clock_, sink_, call_));
  EXPECT_EQ(again.collections.at("torture").equal, TortureCollection().size());
  EXPECT_EQ(again.namespaces.at("legacy").equal, 2U);
}

TEST_F(BackupTest, ProvesThatItCanBeRestored) {
  const BackupResult backup = Create();
  MemoryDocumentStore scratch;
  MemoryVectorStore scratch_vectors;
  const ProofResult proof = Prove(backup, scratch, &scratch_vectors);
  EXPECT_TRUE(proof.passed());
  EXPECT_EQ(proof.vectors, 2U);
  MemoryDocumentStore dirty;
  Insert(dirty, "plain", {Json(R"({"_id":3})")});
  const ProofResult disproof = Prove(backup, dirty, nullptr);
  ASSERT_EQ(disproof.problems.size(), 1U);
  EXPECT_EQ(disproof.problems[0].kind, Kind::kCount);
}

TEST_F(BackupTest, EqualDataGivesEqualFilesAndNoTwoBackupsCollide) {
  const BackupResult one = Create();
  const BackupResult two = Create();
  EXPECT_NE(one.path, two.path);
  for (const char* file :
       {"documents/plain.json", "documents/torture.bson", "vectors/vectors_legacy.jsonl"}) {
    EXPECT_EQ(Read(one.path / file), Read(two.path / file)) << file;
  }
  EXPECT_EQ(Ok(ListBackups(dir_ / "backups")).backups.size(), 2U);
  EXPECT_EQ(Ok(FindBackup(dir_ / "backups")), two.path);
  EXPECT_EQ(Ok(FindBackup(one.path)), one.path);
}

TEST_F(BackupTest, WritesPrivateFiles) {
  const BackupResult backup = Create();
  for (const auto& entry : fs::recursive_directory_iterator(backup.path)) {
    struct stat status{};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, entry.is_directory() ? 0700U : 0600U) << entry.path();
  }
}

TEST_F(BackupTest, DetectsEveryFlippedByte) {
  Insert(documents_, "plain", {DocumentBuilder().Int32("_id", 3).String("v", "\xff").Finish()});
  for (const Packed& packed : kPackings) {
    DetectEveryFlippedByte(packed);
  }
}

void BackupTest::DetectEveryFlippedByte(const Packed& packed) {
  SCOPED_TRACE(packed.name);
  // A sanitizer looks for what a flip makes of the memory, at a twentieth of the speed.
  constexpr std::size_t kStride = REHOME_SANITIZED ? 11 : 1;
  BackupRequest request = Request();
  request.collections = {"plain"};
  request.zstd = packed.zstd;
  request.key = packed.key;
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  for (const auto& entry : fs::recursive_directory_iterator(backup.path)) {
    if (!entry.is_regular_file()) {
      continue;
    }
    const std::string good = Read(entry.path());
    for (std::size_t at = 0; at < good.size(); at += kStride) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << (at % 8)));
      Put(entry.path(), bad);
      const VerifyResult result = Ok(VerifyBackup(backup.path, {}, packed.key));
      ASSERT_FALSE(result.passed()) << entry.path() << " byte " << at;
      EXPECT_EQ(backup.path / result.problems.front().file, entry.path());
    }
    Put(entry.path(), good);
  }
  EXPECT_TRUE(Ok(VerifyBackup(backup.path, {}, packed.key)).passed());
}

TEST_F(BackupTest, PackedFilesGiveBackEveryByte) {
  for (const Packed& packed : kPackings) {
    SCOPED_TRACE(packed.name);
    BackupRequest request = Request();
    request.zstd = packed.zstd;
    request.key = packed.key;
    request.read_ahead = true;
    const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
    EXPECT_TRUE(fs::exists(backup.path / ("documents/plain.json" + std::string(packed.suffix))));
    const VerifyResult verified = Ok(VerifyBackup(backup.path, {}, packed.key));
    EXPECT_TRUE(verified.passed()) << verified.problems.front().detail;
    MemoryDocumentStore target;
    MemoryVectorStore target_vectors;
    const ProofResult proof = Prove(backup, target, &target_vectors, packed.key);
    EXPECT_TRUE(proof.passed());
    EXPECT_EQ(All(target, "torture"), All(documents_, "torture"));
  }
}

TEST_F(BackupTest, AnEncryptedBackupOpensToItsKeyAlone) {
  BackupRequest request = Request();
  request.key = kKey;
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  for (const auto& entry : fs::recursive_directory_iterator(backup.path / "documents")) {
    EXPECT_EQ(Read(entry.path()).find("_id"), std::string::npos) << entry.path();
  }
  EXPECT_EQ(Read(backup.path / "manifest.json").find(kKey.Reveal()), std::string::npos);
  MemoryDocumentStore target;
  for (const Secret& key : {Secret(), Secret(std::string(64, 'b'))}) {
    EXPECT_EQ(VerifyBackup(backup.path, {}, key).error().code, ErrorCode::kFailedPrecondition);
    auto restore = RestoreOf(backup.path, &target, nullptr);
    restore.key = key;
    EXPECT_EQ(RestoreBackup(restore, clock_, sink_, call_).error().code,
              ErrorCode::kFailedPrecondition);
  }
  EXPECT_EQ(VerifyBackup(backup.path, {}, Secret("short")).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(Ok(target.Collections(call_)).empty());
}

TEST_F(BackupTest, AnEncryptedFileInThePlaceOfAnotherIsFound) {
  BackupRequest request = Request();
  request.key = kKey;
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  Put(backup.path / "documents/plain.json.enc", Read(backup.path / "documents/torture.json.enc"));
  EXPECT_TRUE(
      Has(Ok(VerifyBackup(backup.path, {}, kKey)), Kind::kSwapped, "documents/plain.json.enc"));
}

TEST_F(BackupTest, GoesOnWhereItWasInterrupted) {
  std::vector<Document> many;
  for (int i = 0; i < 5000; ++i) {
    DocumentBuilder builder;
    builder.Int32("_id", i).String("v", i % 7 == 0 ? "\xff" : "text");
    many.push_back(builder.Finish());
  }
  Insert(documents_, "many", many);
  for (const Packed& packed : kPackings) {
    GoOnWhereItWasInterrupted(packed);
  }
}

void BackupTest::GoOnWhereItWasInterrupted(const Packed& packed) {
  SCOPED_TRACE(packed.name);
  BackupRequest request = Request();
  request.dir = dir_ / packed.name;
  request.collections = {"many", "plain", "torture"};
  request.zstd = packed.zstd;
  request.key = packed.key;
  request.checkpoint_bytes = 1;
  const BackupResult whole = Ok(CreateBackup(request, clock_, sink_, call_));
  for (const int cut : {1, 2, 4, 6, 7}) {  // in the first collection, behind it, in the vectors
    request.read_ahead = cut % 2 == 0;     // whoever reads, and whoever goes on: the same bytes
    std::stop_source stop;
    int advances = 0;
    sink_.on_advance = [&] {
      if (++advances == cut) {
        stop.request_stop();
      }
    };
    const auto stopped = CreateBackup(request, clock_, sink_, {.stop = stop.get_token()});
    ASSERT_FALSE(stopped.has_value()) << cut;
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(Ok(ListBackups(request.dir)).unfinished.size(), 1U) << cut;
    sink_.notes.clear();
    sink_.on_advance = nullptr;
    const BackupResult resumed = Ok(CreateBackup(request, clock_, sink_, call_));
    EXPECT_EQ(sink_.notes.size(), 1U) << cut;  // "going on with …"
    EXPECT_TRUE(Ok(ListBackups(request.dir)).unfinished.empty()) << cut;
    EXPECT_TRUE(Ok(VerifyBackup(resumed.path, {}, packed.key)).passed()) << cut;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(resumed.manifest.collections[i].content, whole.manifest.collections[i].content);
      EXPECT_EQ(resumed.manifest.collections[i].records, whole.manifest.collections[i].records);
    }
    EXPECT_EQ(resumed.manifest.namespaces[0].digest, whole.manifest.namespaces[0].digest);
    if (packed.key.empty()) {  // an encrypted file is another one each time
      EXPECT_EQ(Read(resumed.path / resumed.manifest.collections[0].files[0].path),
                Read(whole.path / whole.manifest.collections[0].files[0].path));
    }
  }
}

TEST_F(BackupTest, WhatWasWrittenBetweenTwoAttemptsIsInTheBackup) {
  std::vector<Document> many;
  for (int i = 0; i < 3000; ++i) {
    many.push_back(DocumentBuilder().Int32("_id", i).Finish());
  }
  Insert(documents_, "many", many);
  BackupRequest request = Request();
  request.vectors = nullptr;
  request.collections = {"many"};
  request.checkpoint_bytes = 1;
  std::stop_source stop;
  sink_.on_advance = [&] { stop.request_stop(); };
  ASSERT_FALSE(CreateBackup(request, clock_, sink_, {.stop = stop.get_token()}).has_value());
  sink_.on_advance = nullptr;
  const Write edit =
      Write::Replace(many[5], DocumentBuilder().Int32("_id", 5).String("v", "new").Finish());
  Ok(documents_.Apply("many", {&edit, 1}, {}, call_));
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  EXPECT_EQ(backup.manifest.collections[0].window.consistency, Consistency::kExact);
  MemoryDocumentStore target;
  EXPECT_TRUE(Prove(backup, target, nullptr).passed());
  EXPECT_EQ(All(target, "many"), All(documents_, "many"));
}

TEST_F(BackupTest, AHalfWrittenFileThatWasTouchedIsWrittenAnew) {
  std::vector<Document> many;
  for (int i = 0; i < 3000; ++i) {
    many.push_back(DocumentBuilder().Int32("_id", i).Finish());
  }
  Insert(documents_, "many", many);
  BackupRequest request = Request();
  request.collections = {"many"};
  request.checkpoint_bytes = 1;
  std::stop_source stop;
  sink_.on_advance = [&] { stop.request_stop(); };
  ASSERT_FALSE(CreateBackup(request, clock_, sink_, {.stop = stop.get_token()}).has_value());
  sink_.on_advance = nullptr;
  const fs::path left = Ok(ListBackups(request.dir)).unfinished.front();
  const std::string good = Read(left / "documents/many.json.part");
  Put(left / "documents/many.json.part", good.substr(0, good.size() / 2));
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  EXPECT_EQ(backup.manifest.collections[0].records, 3000U);
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
}

TEST_F(BackupTest, CarriesWhatIsLargestAndDeepest) {
  Document deep;
  for (int level = 0; level < 150; ++level) {
    deep = DocumentBuilder().Append("d", deep).Finish();
  }
  const std::string large(std::size_t{16} * 1024 * 1024 - 100, 'x');
  Insert(documents_, "extremes",
         {DocumentBuilder().String("_id", "deep").Append("d", deep).Finish(),
          DocumentBuilder().String("_id", "large").String("v", large).Finish()});
  BackupRequest request = Request();
  request.vectors = nullptr;
  request.collections = {"extremes"};
  for (const Packed& packed : kPackings) {
    request.zstd = packed.zstd;
    request.key = packed.key;
    const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
    MemoryDocumentStore target;
    EXPECT_TRUE(Prove(backup, target, nullptr, packed.key).passed());
    EXPECT_EQ(All(target, "extremes"), All(documents_, "extremes")) << packed.name;
  }
}

TEST_F(BackupTest, NamesWhatIsMissingExtraTruncatedAndSwapped) {
  const BackupResult backup = Create();
  const fs::path plain = backup.path / "documents/plain.json";
  const fs::path torture = backup.path / "documents/torture.json";
  const std::string good = Read(plain);
  Put(plain, good.substr(0, good.size() - 3));
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kTruncated, "documents/plain.json"));
  Put(plain, Read(torture));
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kSwapped, "documents/plain.json"));
  Put(plain, "{\"_id\":\n" + good);
  const VerifyResult broken = Ok(VerifyBackup(backup.path));
  ASSERT_TRUE(Has(broken, Kind::kRecord, "documents/plain.json"));
  EXPECT_EQ(broken.problems.front().line, 1U);
  fs::remove(plain);
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kMissing, "documents/plain.json"));
  fs::create_symlink("torture.json", plain);
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kNotRegular, "documents/plain.json"));
  fs::remove(plain);
  Put(plain, good);
  fs::create_hard_link(plain, dir_ / "elsewhere");
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kNotRegular, "documents/plain.json"));
  fs::remove(dir_ / "elsewhere");
  Put(backup.path / "vectors" / "stray", "x");
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kExtra, "vectors/stray"));
  fs::remove(backup.path / "vectors" / "stray");
  fs::rename(backup.path / "manifest.json", dir_ / "manifest");
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kMissing, "manifest.json"));
  fs::create_symlink(dir_ / "manifest", backup.path / "manifest.json");
  EXPECT_TRUE(Has(Ok(VerifyBackup(backup.path)), Kind::kNotRegular, "manifest.json"));
  fs::remove(backup.path / "manifest.json");
  fs::rename(dir_ / "manifest", backup.path / "manifest.json");
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
}

TEST_F(BackupTest, RefusesToRestoreWhatDoesNotVerify) {
  const BackupResult backup = Create();
  Put(backup.path / "documents/plain.json", "");
  MemoryDocumentStore target;
  const auto result = RestoreBackup(RestoreOf(backup.path, &target, nullptr), clock_, sink_, call_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(Ok(target.Collections(call_)).empty());
}

TEST_F(BackupTest, RefusesAnUnknownFormatAndAnEditedManifest) {
  const BackupResult backup = Create();
  std::string text = Read(backup.path / "manifest.json");
  const auto edited = [&](std::string_view from, std::string_view to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return ParseManifest(copy);
  };
  EXPECT_EQ(edited("\"rehome_backup\": 1", "\"rehome_backup\": 7").error().code,
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(edited("documents/plain.json", "../../plain.json").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(edited("\"present\": true", "\"present\": true, \"present\": true").error().code,
            ErrorCode::kDataLoss);
  EXPECT_EQ(edited("\n", " \n").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ParseManifest("[").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ParseManifest(std::string(100'000, '[')).error().code, ErrorCode::kDataLoss);
  std::string deep;
  for (int i = 0; i < 300'000; ++i) {
    deep += R"({"a":)";
  }
  deep.append("1").append(300'000, '}');
  EXPECT_EQ(edited("\"options\": {", "\"options\": " + deep + ", \"o\": {").error().code,
            ErrorCode::kDataLoss);
  Manifest hostile = backup.manifest;  // well-formed, its SHA-256 right, its paths not ours
  hostile.collections[0].files[0].path = "../../etc/passwd";
  EXPECT_EQ(ParseManifest(Ok(ManifestText(hostile))).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(Ok(ParseManifest(text)), backup.manifest);
}

TEST_F(BackupTest, KeepsWhatDiffersUnlessToldOtherwise) {
  const BackupResult backup = Create();
  const Document theirs = Json(R"({"_id":1,"a":"changed"})");
  MemoryDocumentStore target;
  Insert(target, "plain", {theirs, Json(R"({"_id":9})")});
  MemoryVectorStore target_vectors;
  Ok(target_vectors.Upsert("legacy", std::vector{Vector("a", {9, 9, 9}), Vector("z", {1, 2, 3})},
                           call_));
  auto request = RestoreOf(backup.path, &target, &target_vectors);
  const RestoreResult kept = Ok(RestoreBackup(request, clock_, sink_, call_));
  EXPECT_FALSE(kept.complete());
  EXPECT_EQ(kept.collections.at("plain").different_ids, std::vector<std::string>{"1"});
  EXPECT_EQ(kept.collections.at("plain").extra, 1U);
  EXPECT_EQ(kept.namespaces.at("legacy").different, 1U);
  EXPECT_EQ(kept.namespaces.at("legacy").extra, 1U);
  EXPECT_TRUE(saved_.empty());
  request.overwrite = true;
  request.exact = true;
  const RestoreResult forced = Ok(RestoreBackup(request, clock_, sink_, call_));
  EXPECT_TRUE(forced.complete());
  EXPECT_EQ(saved_, (std::vector<Document>{theirs, Json(R"({"_id":9})")}));
  EXPECT_EQ(saved_vectors_, (std::vector<std::string>{"a", "z"}));
  EXPECT_EQ(All(target, "plain"), All(documents_, "plain"));
  EXPECT_EQ(Ok(target_vectors.Describe(call_)).namespaces.at("legacy"), 2U);
}

TEST_F(BackupTest, RestoresOptionsAndIndexesAndOnlyWhatWasAskedFor) {
  MemoryDocumentStore source;
  const Document options = Json(R"({"validator":{"b":{"$exists":true},"a":1}})");
  ASSERT_TRUE(source.CreateCollection("c", options, call_));
  ASSERT_TRUE(
      source.EnsureIndex("c", {.name = "by_b_a", .paths = {"b", "a"}, .unique = true}, call_));
  BackupRequest create = Request();
  create.documents = &source;
  create.collections = {"c", "rehome_runs"};
  ASSERT_TRUE(source.CreateCollection("rehome_runs", Document(), call_));
  const BackupResult backup = Ok(CreateBackup(create, clock_, sink_, call_));
  MemoryDocumentStore target;
  auto request = RestoreOf(backup.path, &target, nullptr);
  request.collections = std::vector<std::string>{"c"};
  Ok(RestoreBackup(request, clock_, sink_, call_));
  const auto infos = Ok(target.Collections(call_));
  ASSERT_EQ(infos.size(), 1U);
  EXPECT_EQ(infos[0].options, options);
  EXPECT_EQ(infos[0].indexes, Ok(source.Collections(call_))[0].indexes);
  request.collections = std::vector<std::string>{"nosuch"};
  EXPECT_EQ(RestoreBackup(request, clock_, sink_, call_).error().code, ErrorCode::kInvalidArgument);
  request.collections.reset();
  const RestoreResult all = Ok(RestoreBackup(request, clock_, sink_, call_));
  EXPECT_FALSE(all.collections.contains("rehome_runs"));
  EXPECT_EQ(all.warnings.size(), 1U);
}

TEST_F(BackupTest, GivesAnEmptyFileAndAWarningForWhatIsAbsent) {
  BackupRequest request = Request();
  request.collections = {"nosuch"};
  request.namespaces = {"nowhere"};
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  EXPECT_EQ(backup.warnings.size(), 2U);
  EXPECT_EQ(backup.manifest.collections[0].records, 0U);
  EXPECT_EQ(fs::file_size(backup.path / "documents/nosuch.json"), 0U);
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
}

TEST_F(BackupTest, AppliesWhatWasWrittenWhileItRead) {
  const Document added = Json(R"({"_id":0,"added":true})");
  const Document changed = Json(R"({"_id":2,"is_embedded":false})");
  const Document undecodable = DocumentBuilder().Int32("_id", 3).String("v", "\xff").Finish();
  int writes = 0;
  sink_.on_advance = [&] {
    if (++writes > 1) {
      return;
    }
    const std::vector<Write> batch{Write::Put(added), Write::Put(changed), Write::Put(undecodable),
                                   Write::Delete(Json(R"({"_id":1,"a":"x"})"))};
    Ok(documents_.Apply("plain", batch, {}, call_));
  };
  const BackupResult backup = Create();
  EXPECT_EQ(backup.manifest.collections[0].window.consistency, Consistency::kExact);
  EXPECT_EQ(backup.manifest.collections[0].records, 3U);
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
  sink_.on_advance = nullptr;
  MemoryDocumentStore scratch;
  EXPECT_TRUE(Prove(backup, scratch, nullptr).passed());
  EXPECT_EQ(All(scratch, "plain"), (std::vector<Document>{added, changed, undecodable}));
}

TEST_F(BackupTest, SaysFuzzyWhereThereIsNoFeed) {
  MemoryDocumentStore source(MemoryDocumentStore::Options{.has_feed = false});
  BackupRequest request = Request();
  request.documents = &source;
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  EXPECT_EQ(backup.manifest.collections[0].window.consistency, Consistency::kFuzzy);
}

TEST_F(BackupTest, LeavesNothingThatLooksFinishedWhenStopped) {
  std::stop_source stop;
  sink_.on_advance = [&] { stop.request_stop(); };
  const auto result = CreateBackup(Request(), clock_, sink_, {.stop = stop.get_token()});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(fs::is_empty(dir_ / "backups"));
  fs::create_directory(dir_ / "backups" /
                       UnfinishedName(BackupName(clock_.Now(), 1)));  // as kill -9 leaves it
  EXPECT_EQ(FindBackup(dir_ / "backups").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Ok(ListBackups(dir_ / "backups")).unfinished.size(), 1U);
  sink_.on_advance = nullptr;
  EXPECT_TRUE(Ok(VerifyBackup(Create().path)).passed());
}

TEST_F(BackupTest, CarriesNamesThatAreNoFileNames) {
  const std::vector<std::string> names{
      "../../etc",           "..",  ".hidden", "a/b", "süß", std::string(255, 'x'),
      std::string(300, '/'), "%41", "a b"};
  BackupRequest request = Request();
  request.vectors = nullptr;
  request.collections = names;
  for (const std::string& name : names) {
    Insert(documents_, name, {DocumentBuilder().String("_id", name).Finish()});
  }
  const BackupResult backup = Ok(CreateBackup(request, clock_, sink_, call_));
  EXPECT_TRUE(Ok(VerifyBackup(backup.path)).passed());
  MemoryDocumentStore target;
  Ok(RestoreBackup(RestoreOf(backup.path, &target, nullptr), clock_, sink_, call_));
  for (const std::string& name : names) {
    EXPECT_EQ(All(target, name), All(documents_, name)) << name;
  }
  EXPECT_EQ(DecodeName(EncodeName("süß/..")), "süß/..");
  EXPECT_EQ(DecodeName("a b"), std::nullopt);
  EXPECT_EQ(DecodeName("%2E%2e"), std::nullopt);
}

TEST_F(BackupTest, RefusesNamesThatAManifestCannotHoldBeforeItReads) {
  BackupRequest request = Request();
  request.collections = {"\xff"};
  EXPECT_EQ(CreateBackup(request, clock_, sink_, call_).error().code, ErrorCode::kInvalidArgument);
  request.collections = {""};
  EXPECT_EQ(CreateBackup(request, clock_, sink_, call_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(fs::exists(dir_ / "backups"));
}

TEST_F(BackupTest, RefusesADirectoryThatMayNotBeWritten) {
  BackupRequest request = Request();
  Put(dir_ / "file", "");
  request.dir = dir_ / "file" / "below";
  EXPECT_EQ(CreateBackup(request, clock_, sink_, call_).error().code,
            ErrorCode::kFailedPrecondition);
}

class LoadTest : public BackupTest {
 protected:
  void SetUp() override {
    BackupTest::SetUp();
    fs::create_directories(dir_ / "app/documents");
    fs::create_directories(dir_ / "app/vectors");
  }
  Result<LoadResult> Load() {
    return LoadApplication(
        {.dir = dir_ / "app", .documents = &target_, .vectors = &target_vectors_}, clock_, sink_,
        call_);
  }
  void File(std::string_view name, std::string_view text) { Put(dir_ / "app" / name, text); }

  MemoryDocumentStore target_;
  MemoryVectorStore target_vectors_;
};

TEST_F(LoadTest, ReadsLinesAndArraysAndIsRepeatable) {
  File("documents/lines.json", "{\"_id\":1}\n\n{\"_id\":{\"$numberLong\":\"2\"},\"s\":\"]\"}");
  File("documents/array.json", "[{\"_id\":\"a\",\"s\":\"}\\\"{\"},\n{\n  \"_id\": \"b\"\n}\n]\n");
  Put(dir_ / "elsewhere", "{\"_id\":7}\n");
  fs::create_symlink(dir_ / "elsewhere", dir_ / "app/documents/linked.json");
  File("documents/empty.json", "");
  File("documents/none.json", "[]");
  File("vectors/vectors_ns.jsonl", "{\"id\":\"v\",\"values\":[0.5,1]}\n");
  const LoadResult first = Ok(Load());
  EXPECT_EQ(first.collections.at("lines").inserted, 2U);
  EXPECT_EQ(first.collections.at("array").inserted, 2U);
  EXPECT_EQ(first.collections.at("empty").inserted, 0U);
  EXPECT_EQ(first.namespaces.at("ns").inserted, 1U);
  EXPECT_EQ(first.collections.at("linked").inserted, 1U);
  EXPECT_EQ(Ok(target_.Collections(call_)).size(), 5U);
  const LoadResult second = Ok(Load());
  EXPECT_EQ(second.collections.at("array").equal, 2U);
  EXPECT_TRUE(second.complete());
  File("documents/lines.json", "{\"_id\":1,\"other\":true}\n");
  const LoadResult third = Ok(Load());
  EXPECT_FALSE(third.complete());
  EXPECT_EQ(third.collections.at("lines").different_ids, std::vector<std::string>{"1"});
}

TEST_F(LoadTest, WritesNothingIfAnythingIsBroken) {
  File("documents/good.json", "{\"_id\":1}\n");
  File("vectors/vectors_ns.jsonl", "{\"id\":\"v\",\"values\":[0.5,1]}\n");
  const auto refuses = [&](std::string_view file, std::string_view text, std::string_view where) {
    const fs::path path = dir_ / "app" / file;
    Put(path, text);
    const auto result = Load();
    ASSERT_FALSE(result.has_value()) << file << text;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find(path.string() + std::string(where)), std::string::npos)
        << result.error().message;
    EXPECT_TRUE(Ok(target_.Collections(call_)).empty());
    fs::remove(path);
  };
  refuses("documents/bad.json", "{\"_id\":1}\n{\"_id\":\n", ":2");
  refuses("documents/bad.json", "{\"_id\":5}\n{\"_id\":{\"$numberDouble\":\"5.0\"}}\n", ":2");
  refuses("documents/bad.json", "{\"a\":5}\n", ":1");
  refuses("documents/bad.json", "[{\"_id\":1}\n{\"_id\":2}]", ":2");
  refuses("documents/bad.json", "[{\"_id\":1},\n{\"_id\":2}", ":");
  refuses("documents/bad.json", "[{\"_id\":1}]\n[", ":2");
  refuses("documents/bad.bson", "x", "");
  refuses("documents/rehome_runs.json", "{\"_id\":1}\n", "");
  refuses("vectors/vectors_bad.jsonl",
          "{\"id\":\"w\",\"values\":[1]}\n{\"id\":\"x\",\"values\":[1,2]}\n", ":1");
  refuses("vectors/vectors_bad.jsonl",
          "{\"id\":\"w\",\"values\":[1,2]}\n{\"id\":\"w\",\"values\":[1,2]}\n", ":2");
  fs::remove_all(dir_ / "app");
  EXPECT_EQ(Load().error().code, ErrorCode::kNotFound);
}

TEST(Duplicates, AreFoundAcrossRunsOnDisk) {
  Duplicates none(3);
  Duplicates some(3);
  for (std::uint64_t line = 1; line <= 1000; ++line) {
    ASSERT_TRUE(none.Add(std::to_string(line), line));
    ASSERT_TRUE(some.Add(std::to_string(line == 997 ? 4 : line), line));
  }
  EXPECT_FALSE(Ok(none.Find()).has_value());
  const auto pair = Ok(some.Find());
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(pair->first_line, 4U);
  EXPECT_EQ(pair->second_line, 997U);
}

}  // namespace
}  // namespace rehome
