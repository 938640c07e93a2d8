#include "adapters/sqlite/stored_document.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/digest.h"
#include "model/extended_json.h"

namespace rehome::sqlite {
namespace {

constexpr int kDepthMax = 32;
constexpr std::size_t kEmptyDocumentBytes = 5;

bool IsPlain(std::string_view bytes, int depth);

/// The int32 at the start of `bytes` as a length; nothing if it is negative or does not fit behind
/// `prefix` bytes.
std::optional<std::size_t> LengthAt(std::string_view bytes, std::size_t prefix) {
  std::int32_t length = 0;
  if (bytes.size() < sizeof length) {
    return std::nullopt;
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto total = prefix + static_cast<std::size_t>(length);
  return length >= 0 && total <= bytes.size() ? std::optional(total) : std::nullopt;
}

std::optional<std::size_t> Fixed(std::string_view rest, std::size_t bytes) {
  return rest.size() >= bytes ? std::optional(bytes) : std::nullopt;
}

/// Bytes of the payload of `type` at the start of `rest`; nothing if unusual or broken.
std::optional<std::size_t> PlainPayload(BsonType type, std::string_view rest, int depth) {
  switch (type) {
    case BsonType::kNull:
    case BsonType::kMinKey:
    case BsonType::kMaxKey:
      return 0;
    case BsonType::kBool:
      return !rest.empty() && (rest[0] == '\0' || rest[0] == '\1') ? Fixed(rest, 1) : std::nullopt;
    case BsonType::kInt32:
      return Fixed(rest, 4);
    case BsonType::kDouble:
    case BsonType::kDate:
    case BsonType::kTimestamp:
    case BsonType::kInt64:
      return Fixed(rest, 8);
    case BsonType::kObjectId:
      return Fixed(rest, 12);
    case BsonType::kDecimal128:
      return Fixed(rest, 16);
    case BsonType::kString: {
      const auto total = LengthAt(rest, 4);
      return total && *total > 4 && rest[*total - 1] == '\0' ? total : std::nullopt;
    }
    case BsonType::kDocument:
    case BsonType::kArray: {
      const auto total = LengthAt(rest, 0);
      return total && IsPlain(rest.substr(0, *total), depth + 1) ? total : std::nullopt;
    }
    case BsonType::kBinary: {
      constexpr char kOldSubtype = 2;  // holds a second length
      const auto total = LengthAt(rest, 5);
      return total && rest[4] != kOldSubtype ? total : std::nullopt;
    }
    case BsonType::kUndefined:
    case BsonType::kRegex:
    case BsonType::kDbPointer:
    case BsonType::kCode:
    case BsonType::kSymbol:
    case BsonType::kCodeWithScope:
      return std::nullopt;
  }
  return std::nullopt;
}

bool IsPlain(std::string_view bytes, int depth) {
  if (depth > kDepthMax || bytes.size() < kEmptyDocumentBytes ||
      LengthAt(bytes, 0) != bytes.size() || bytes.back() != '\0') {
    return false;
  }
  std::string_view rest = bytes.substr(4, bytes.size() - kEmptyDocumentBytes);
  while (!rest.empty()) {
    const auto type = static_cast<BsonType>(static_cast<std::uint8_t>(rest.front()));
    const std::size_t key_end = rest.find('\0', 1);
    if (key_end == std::string_view::npos) {
      return false;
    }
    rest.remove_prefix(key_end + 1);
    const std::optional<std::size_t> payload = PlainPayload(type, rest, depth);
    if (!payload) {
      return false;
    }
    rest.remove_prefix(*payload);
  }
  return true;
}

/// What bytes that are no sound document are called in a sentence.
std::string NameIn(std::string_view bytes) {
  constexpr std::string_view kKey("_id\0", 4);
  constexpr std::size_t kFirstKey = 5;  // behind the length and the element's type
  if (bytes.size() >= kFirstKey && bytes.substr(kFirstKey, kKey.size()) == kKey) {
    const auto type = static_cast<BsonType>(static_cast<std::uint8_t>(bytes[kFirstKey - 1]));
    const std::string_view rest = bytes.substr(kFirstKey + kKey.size());
    if (const auto payload = PlainPayload(type, rest, 0)) {
      return "the document with _id " +
             ToExtendedJson(ValueView(type, rest.substr(0, *payload)), JsonMode::kRelaxed);
    }
  }
  return "a document";
}

}  // namespace

bool IsPlainBson(std::string_view bytes) {
  return IsPlain(bytes, 0);
}

Result<Document> StoredDocument(std::string_view key, std::string_view bytes) {
  Result<Document> document = IsPlainBson(bytes) ? Document::Trusted(std::string(bytes))
                                                 : Document::Parse(std::string(bytes));
  if (document && !document->view().Find("_id")) {
    document = Fail(ErrorCode::kDataLoss, "it has no _id");
  }
  if (!document) {
    Error error = std::move(document).error().In(NameIn(bytes));
    error.hint = WayPastRow(
        fmt::format(" (sqlite3 FILE \"DELETE FROM COLLECTION WHERE key = x'{}'\")", Hex(key)));
    return std::unexpected(std::move(error));
  }
  return document;
}

std::string WayPastRow(std::string_view how) {
  return fmt::format(
      "another program or a fault of the disk left it so: copy the file of the store, then take "
      "that row out{}; rehome repair writes an item anew from its source, rehome backup restore "
      "a document of the old side from the backup",
      how);
}

}  // namespace rehome::sqlite
