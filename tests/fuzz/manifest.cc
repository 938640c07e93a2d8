// manifest.cc — a backup's manifest: as it stands, and forged, that is with the SHA-256 that belongs
// to it. Whatever is accepted has one text, and its files stay inside the backup.
#include "backup/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backup/names.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

void CheckPath(std::string_view path) {
  const std::size_t slash = path.find('/');
  const std::string_view file = path.substr(slash + 1);
  CHECK(path.substr(0, slash) == kDocumentsDir || path.substr(0, slash) == kVectorsDir);
  CHECK(!file.empty() && file.size() <= 255 && file != "." && file != "..");
  CHECK(std::ranges::all_of(file, [](char c) { return c > ' ' && c < '\x7f' && c != '/'; }));
}

void CheckParsed(std::string_view text) {
  const Result<Manifest> manifest = ParseManifest(text);
  if (!manifest) {
    CHECK(manifest.error().code == ErrorCode::kFailedPrecondition ||
          manifest.error().code == ErrorCode::kDataLoss);
    return;
  }
  CHECK(ManifestText(*manifest) == std::string(text));
  CHECK(text.find(ManifestSha256(text)) != std::string_view::npos);
  for (const CollectionBackup& collection : manifest->collections) {
    std::ranges::for_each(collection.files, CheckPath, &BackupFile::path);
  }
  for (const NamespaceBackup& ns : manifest->namespaces) {
    std::ranges::for_each(ns.files, CheckPath, &BackupFile::path);
  }
}

/// The text as whoever knows the format would write it.
std::optional<std::string> Forged(std::string_view text) {
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  json.erase("sha256");
  json["sha256"] = Sha256Hex(json.dump(2));
  return json.dump(2) + "\n";
}

void CheckName(std::string_view name) {
  const std::string stem = EncodeName(name);
  CheckPath(JsonPath(name));
  CheckPath(VectorsPath(name));
  const std::optional<std::string> back = DecodeName(stem);
  CHECK(!back || *back == name);
  if (const std::optional<std::string> decoded = DecodeName(name)) {
    CHECK(EncodeName(*decoded) == name);
  }
  static_cast<void>(IsBackupName(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Text(data, size);
  CheckParsed(text);
  if (const std::optional<std::string> forged = Forged(text)) {
    CheckParsed(*forged);
  }
  CheckName(text);
  return 0;
}
