#include "backup/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "backup/file_reader.h"
#include "backup/names.h"
#include "model/extended_json.h"
#include "model/json_text.h"

namespace rehome {
namespace {

// Ordered: the text keeps the order in which the fields are written here, and BSON keeps its own.
using Json = nlohmann::ordered_json;

constexpr std::string_view kFormatKey = "rehome_backup";
constexpr std::string_view kShaKey = "sha256";
constexpr std::string_view kPackingKey = "packing";
constexpr std::string_view kBsonKey = "$bson";  // for what Extended JSON cannot carry
constexpr std::size_t kManifestBytesMax = std::size_t{256} << 20U;
constexpr int kDepthMax = 250;  // more than the options of a collection can nest in Extended JSON

Json FromDocument(const Document& document) {
  Json json = Json::parse(ToExtendedJson(document.view(), JsonMode::kCanonical), nullptr, false);
  if (!json.is_discarded()) {
    const auto back = ParseExtendedJson(json.dump());
    if (back && *back == document) {
      return json;
    }
  }
  return Json{{kBsonKey, Hex(document.bytes())}};
}

Result<Document> ToDocument(const Json& json) {
  if (json.is_object() && json.size() == 1 && json.begin().key() == kBsonKey) {
    REHOME_TRY_ASSIGN(std::string bytes, BytesOfHex(json.begin()->get<std::string>()));
    return Document::Parse(std::move(bytes));
  }
  return ParseExtendedJson(json.dump());
}

template <class T>
Json FromOptional(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// A number as ManifestText() writes every one; get() would take 1e300, too.
std::uint64_t ToNumber(const Json& json) {
  return json.get_ref<const Json::number_unsigned_t&>();
}

std::optional<std::uint64_t> ToCount(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(ToNumber(json));
}

Json FromFiles(const std::vector<BackupFile>& files) {
  Json list = Json::array();
  for (const BackupFile& file : files) {
    list.push_back({{"path", file.path},
                    {"records", file.records},
                    {"bytes", file.bytes},
                    {"md5", file.md5},
                    {"sha256", file.sha256}});
  }
  return list;
}

std::vector<BackupFile> ToFiles(const Json& list) {
  std::vector<BackupFile> files;
  for (const Json& file : list) {
    files.push_back({.path = file.at("path"),
                     .records = ToNumber(file.at("records")),
                     .bytes = ToNumber(file.at("bytes")),
                     .md5 = file.at("md5"),
                     .sha256 = file.at("sha256")});
  }
  return files;
}

Json FromWindow(const BackupWindow& window) {
  return {{"consistency", Name(window.consistency)},
          {"started_at", window.started_at},
          {"finished_at", window.finished_at},
          {"start_position", window.start_position},
          {"end_position", window.end_position}};
}

BackupWindow ToWindow(const Json& json) {
  const bool exact = json.at("consistency").get<std::string>() == Name(Consistency::kExact);
  return {.consistency = exact ? Consistency::kExact : Consistency::kFuzzy,
          .started_at = json.at("started_at"),
          .finished_at = json.at("finished_at"),
          .start_position = json.at("start_position"),
          .end_position = json.at("end_position")};
}

Json FromCollection(const CollectionBackup& collection) {
  Json indexes = Json::array();
  for (const Document& index : collection.indexes) {
    indexes.push_back(FromDocument(index));
  }
  return {{"name", collection.name},
          {"present", collection.present},
          {"options", FromDocument(collection.options)},
          {"indexes", std::move(indexes)},
          {"records", collection.records},
          {"digest", collection.digest.ToString()},
          {"content", collection.content.ToString()},
          {"window", FromWindow(collection.window)},
          {"files", FromFiles(collection.files)}};
}

Result<CollectionBackup> ToCollection(const Json& json) {
  CollectionBackup out;
  out.name = json.at("name");
  out.present = json.at("present");
  REHOME_TRY_ASSIGN(out.options, ToDocument(json.at("options")));
  for (const Json& index : json.at("indexes")) {
    REHOME_TRY_ASSIGN(Document document, ToDocument(index));
    out.indexes.push_back(std::move(document));
  }
  out.records = ToNumber(json.at("records"));
  REHOME_TRY_ASSIGN(out.digest, SetDigest::Parse(json.at("digest").get<std::string>()));
  REHOME_TRY_ASSIGN(out.content, SetDigest::Parse(json.at("content").get<std::string>()));
  out.window = ToWindow(json.at("window"));
  out.files = ToFiles(json.at("files"));
  return out;
}

Json FromNamespace(const NamespaceBackup& ns) {
  return {{"name", ns.name},
          {"records", ns.records},
          {"digest", ns.digest.ToString()},
          {"statistics", FromOptional(ns.statistics)},
          {"dimension", ns.dimension},
          {"metric", ns.metric},
          {"vector_type", ns.vector_type},
          {"lsn", FromOptional(ns.lsn)},
          {"window", FromWindow(ns.window)},
          {"files", FromFiles(ns.files)}};
}

Result<NamespaceBackup> ToNamespace(const Json& json) {
  NamespaceBackup out;
  out.name = json.at("name");
  out.records = ToNumber(json.at("records"));
  REHOME_TRY_ASSIGN(out.digest, SetDigest::Parse(json.at("digest").get<std::string>()));
  out.statistics = ToCount(json.at("statistics"));
  out.dimension = static_cast<std::int64_t>(ToNumber(json.at("dimension")));
  out.metric = json.at("metric");
  out.vector_type = json.at("vector_type");
  out.lsn = ToCount(json.at("lsn"));
  out.window = ToWindow(json.at("window"));
  out.files = ToFiles(json.at("files"));
  return out;
}

bool IsPacked(const Manifest& manifest) {
  return manifest.zstd || !manifest.key_mark.empty();
}

Json FromManifest(const Manifest& manifest) {
  Json collections = Json::array();
  for (const CollectionBackup& collection : manifest.collections) {
    collections.push_back(FromCollection(collection));
  }
  Json namespaces = Json::array();
  for (const NamespaceBackup& ns : manifest.namespaces) {
    namespaces.push_back(FromNamespace(ns));
  }
  Json out = {{kFormatKey, IsPacked(manifest) ? kPackedFormat : kBackupFormat},
              {"created_at", manifest.created_at},
              {"documents_source", manifest.documents_source},
              {"vectors_source", manifest.vectors_source},
              {"notes", Json(manifest.notes)}};
  if (IsPacked(manifest)) {
    out[std::string(kPackingKey)] = {
        {"compress", manifest.zstd ? "zstd" : "none"},
        {"encrypt", manifest.key_mark.empty() ? "none" : "xchacha20poly1305-secretstream"},
        {"key", manifest.key_mark}};
  }
  out["collections"] = std::move(collections);
  out["namespaces"] = std::move(namespaces);
  return out;
}

Result<Manifest> ToManifest(const Json& json) {
  Manifest out;
  out.created_at = json.at("created_at");
  out.documents_source = json.at("documents_source");
  out.vectors_source = json.at("vectors_source");
  out.notes = json.at("notes").get<std::map<std::string, std::string>>();
  if (const auto packing = json.find(kPackingKey); packing != json.end()) {
    out.zstd = packing->at("compress").get<std::string>() == "zstd";
    out.key_mark = packing->at("key");
  }
  for (const Json& collection : json.at("collections")) {
    REHOME_TRY_ASSIGN(CollectionBackup value, ToCollection(collection));
    out.collections.push_back(std::move(value));
  }
  for (const Json& ns : json.at("namespaces")) {
    REHOME_TRY_ASSIGN(NamespaceBackup value, ToNamespace(ns));
    out.namespaces.push_back(std::move(value));
  }
  return out;
}

std::unexpected<Error> Damaged(std::string_view why) {
  return Fail(ErrorCode::kDataLoss, fmt::format("{}: {}", kManifestFile, why),
              "this backup cannot be trusted; use another one");
}

/// The files of a record set are exactly those that its name encodes to.
bool PathsAre(const std::vector<BackupFile>& files, std::string_view first,
              std::string_view second) {
  return !files.empty() && files.size() <= (second.empty() ? 1U : 2U) && files[0].path == first &&
         (files.size() == 1 || files[1].path == second);
}

Status CheckNames(const Manifest& manifest) {
  std::map<std::string, int> seen;
  const std::string suffix =
      fmt::format("{}{}", manifest.zstd ? ".zst" : "", manifest.key_mark.empty() ? "" : ".enc");
  for (const CollectionBackup& collection : manifest.collections) {
    if (!PathsAre(collection.files, JsonPath(collection.name) + suffix,
                  BsonPath(collection.name) + suffix)) {
      return Damaged(
          fmt::format("the files of collection {} are not named after it", collection.name));
    }
    if (++seen[collection.files[0].path] > 1) {
      return Damaged(fmt::format("collection {} stands there twice", collection.name));
    }
  }
  for (const NamespaceBackup& ns : manifest.namespaces) {
    if (!PathsAre(ns.files, VectorsPath(ns.name) + suffix, {})) {
      return Damaged(fmt::format("the file of namespace {} is not named after it", ns.name));
    }
    if (++seen[ns.files[0].path] > 1) {
      return Damaged(fmt::format("namespace {} stands there twice", ns.name));
    }
  }
  return {};
}

Result<Manifest> ParseChecked(std::string_view text) {
  if (NestsDeeperThan(text, kDepthMax)) {
    return Damaged(fmt::format("nested deeper than {} levels", kDepthMax));
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return Damaged("not a JSON object");
  }
  if (!json.contains(kFormatKey)) {
    return Damaged("it does not say its format");
  }
  const Json& format = json.at(kFormatKey);
  if (!format.is_number_integer() || (format != kBackupFormat && format != kPackedFormat)) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{}: backup format {}; this version reads formats {} and {}", kManifestFile,
                    format.dump(-1, ' ', true, Json::error_handler_t::replace), kBackupFormat,
                    kPackedFormat),
        "use the version of rehome that made this backup, or a newer one");
  }
  REHOME_TRY_ASSIGN(Manifest manifest, ToManifest(json));
  REHOME_TRY_ASSIGN(const std::string canonical, ManifestText(manifest));
  if (canonical != text) {
    return Damaged("edited: its text is not the one that its SHA-256 was taken of");
  }
  REHOME_TRY(CheckNames(manifest));
  return manifest;
}

}  // namespace

std::string_view Name(Consistency consistency) {
  switch (consistency) {
    case Consistency::kExact:
      return "exact";
    case Consistency::kFuzzy:
      return "fuzzy";
  }
  return "unknown";
}

Result<std::string> ManifestText(const Manifest& manifest) {
  try {
    Json json = FromManifest(manifest);
    json[std::string(kShaKey)] = Sha256Hex(json.dump(2));
    return json.dump(2) + "\n";
  } catch (const Json::exception& exception) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be written: {}", kManifestFile, exception.what()),
                "names of collections and namespaces must be UTF-8");
  }
}

std::string ManifestSha256(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json.value(std::string(kShaKey), std::string()) : std::string();
}

Result<Manifest> ParseManifest(std::string_view text) {
  try {
    auto manifest = ParseChecked(text);
    if (!manifest && manifest.error().code == ErrorCode::kInvalidArgument) {
      return Damaged(manifest.error().message);
    }
    return manifest;
  } catch (const Json::exception& exception) {
    return Damaged(exception.what());
  }
}

Result<Packing> PackingOf(const Manifest& manifest, const Secret& key) {
  if (manifest.key_mark.empty()) {
    return Packing{.zstd = manifest.zstd, .key = {}};
  }
  if (key.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("this backup is encrypted with the key of mark {}, and the plan names "
                            "none",
                            manifest.key_mark),
                "give the key as backup.encrypt.key: ${NAME} or { file: PATH }");
  }
  REHOME_TRY_ASSIGN(Packing packing, MakePacking(manifest.zstd, key));
  if (const std::string mark = packing.key->Mark(); mark != manifest.key_mark) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("this is not the key of this backup: it was made with the key of mark "
                            "{}, the plan's has mark {}",
                            manifest.key_mark, mark),
                "give the key that it was made with as backup.encrypt.key");
  }
  return packing;
}

Result<Manifest> ReadManifest(const std::filesystem::path& backup_dir) {
  REHOME_TRY_ASSIGN(const std::string text,
                    ReadRegularFile(backup_dir / kManifestFile, kManifestBytesMax));
  return ParseManifest(text);
}

}  // namespace rehome
