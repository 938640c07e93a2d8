#include "model/item.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <utility>

#include "model/bytes.h"
#include "model/number.h"

namespace rehome {
namespace {

constexpr std::size_t kItemIdBytesMax = 512;  // Pinecone's limit of a vector's id

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string Escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// `(key=value,…)` or `(value,…)`: none of the four signs stands unescaped in a key or a value.
std::string ElementsText(DocumentView elements, bool with_keys) {
  std::string out = "(";
  for (const auto& [key, value] : elements) {
    out += out.size() > 1 ? "," : "";
    out += with_keys ? Escaped(key) + "=" : "";
    out += IdText(value);
  }
  return out + ")";
}

std::string RegexText(std::string_view payload) {
  const std::size_t pattern_bytes = payload.find('\0');
  const std::string_view options = payload.substr(pattern_bytes + 1);
  return fmt::format("r~{}/{}", Escaped(payload.substr(0, pattern_bytes)),
                     Escaped(options.substr(0, options.size() - 1)));
}

std::string DbPointerText(std::string_view payload) {
  const std::size_t name_bytes = LoadAt<std::uint32_t>(payload);
  return fmt::format("p~{}/{}", Escaped(payload.substr(4, name_bytes - 1)),
                     Hex(payload.substr(4 + name_bytes)));
}

std::string CodeWithScopeText(std::string_view payload) {
  const std::size_t code_bytes = LoadAt<std::uint32_t>(payload, 4);
  return fmt::format("w~{}{}", Escaped(payload.substr(8, code_bytes - 1)),
                     ElementsText(DocumentView(payload.substr(8 + code_bytes)), true));
}

bool IsMarkField(std::string_view key) {
  return key == kIsEmbedded || key == kEmbeddingId;
}

/// The document's bytes without the mark's fields; put together in `kept` where there are any.
std::string_view WithoutMark(DocumentView document, std::string& kept) {
  const std::string_view bytes = document.bytes();
  kept.clear();
  const char* begin = bytes.data();  // of the run of kept bytes not yet taken over
  for (const auto& [key, value] : document) {
    if (IsMarkField(key)) {
      kept.append(begin, key.data() - 1);
      begin = value.payload().data() + value.payload().size();
    }
  }
  if (kept.empty()) {
    return bytes;
  }
  kept.append(begin, bytes.data() + bytes.size());
  const auto length = static_cast<std::uint32_t>(kept.size());
  std::memcpy(kept.data(), &length, sizeof(length));
  return kept;
}

}  // namespace

std::string IdText(ValueView id) {
  switch (id.type()) {
    case BsonType::kObjectId:
      return Hex(id.AsObjectId());
    case BsonType::kInt32:
    case BsonType::kInt64:
    case BsonType::kDouble:
    case BsonType::kDecimal128:
      return "n~" + NumberText(Exactly(id));
    case BsonType::kString:
    case BsonType::kSymbol:  // MongoDB compares the two as one type
      return "s~" + Escaped(id.AsString());
    case BsonType::kDocument:
      return "o~" + ElementsText(id.AsDocument(), true);
    case BsonType::kArray:
      return "a~" + ElementsText(id.AsDocument(), false);
    case BsonType::kBinary:
      return fmt::format("b~{:02x}~{}", id.BinarySubtype(), Hex(id.AsBinary()));
    case BsonType::kUndefined:
      return "u~";
    case BsonType::kNull:
      return "z~";
    case BsonType::kBool:
      return id.AsBool() ? "l~true" : "l~false";
    case BsonType::kDate:
      return fmt::format("d~{}", id.AsInt64());
    case BsonType::kTimestamp:
      return fmt::format("t~{}.{}", LoadAt<std::uint32_t>(id.payload(), 4),
                         LoadAt<std::uint32_t>(id.payload()));
    case BsonType::kRegex:
      return RegexText(id.payload());
    case BsonType::kDbPointer:
      return DbPointerText(id.payload());
    case BsonType::kCode:
      return "c~" + Escaped(id.AsString());
    case BsonType::kCodeWithScope:
      return CodeWithScopeText(id.payload());
    case BsonType::kMinKey:
      return "min~";
    case BsonType::kMaxKey:
      return "max~";
  }
  CHECK(false && "a BSON type without a text");
  return {};
}

std::string ItemId(std::string_view pattern, ValueView source_id) {
  static constexpr std::string_view kPlaceholder = "{_id}";
  const auto fill = [pattern](const std::string& text) {
    std::string out;
    std::string_view rest = pattern;
    for (std::size_t at = rest.find(kPlaceholder); at != std::string_view::npos;
         at = rest.find(kPlaceholder)) {
      out.append(rest.substr(0, at)).append(text);
      rest.remove_prefix(at + kPlaceholder.size());
    }
    return out.append(rest);
  };
  const std::string text = IdText(source_id);
  std::string out = fill(text);
  return out.size() <= kItemIdBytesMax ? out : fill("h~" + Sha256Hex(text));
}

Md5Digest DocumentDigest(DocumentView document) {
  thread_local std::string kept;
  return Md5(WithoutMark(document, kept));
}

bool SameButForMark(DocumentView a, DocumentView b) {
  thread_local std::string kept_a;
  thread_local std::string kept_b;
  return a == b || WithoutMark(a, kept_a) == WithoutMark(b, kept_b);
}

Document WithMark(DocumentView item, std::string_view embedding_id) {
  DocumentBuilder builder;
  bool has_flag = false;
  bool has_id = false;
  const auto set_flag = [&] { builder.Bool(kIsEmbedded, !embedding_id.empty()); };
  const auto set_id = [&] {
    embedding_id.empty() ? builder.Null(kEmbeddingId) : builder.String(kEmbeddingId, embedding_id);
  };
  for (const auto& [key, value] : item) {
    if (!IsMarkField(key)) {
      builder.Append(key, value);
    } else if (bool& seen = key == kIsEmbedded ? has_flag : has_id; !std::exchange(seen, true)) {
      key == kIsEmbedded ? set_flag() : set_id();
    }
  }
  if (!has_flag) {
    set_flag();
  }
  if (!has_id) {
    set_id();
  }
  return builder.Finish();
}

bool IsMarked(DocumentView item) {
  const auto flag = item.Find(kIsEmbedded);
  const auto id = item.Find(kEmbeddingId);
  return flag && flag->type() == BsonType::kBool && flag->AsBool() && id && id->IsString() &&
         !id->AsString().empty();
}

}  // namespace rehome
