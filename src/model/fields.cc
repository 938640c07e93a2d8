#include "model/fields.h"

namespace rehome {

std::string StringField(DocumentView document, std::string_view key) {
  const auto value = document.Find(key);
  return value && value->IsString() ? std::string(value->AsString()) : std::string();
}

std::int64_t IntField(DocumentView document, std::string_view key, std::int64_t fallback) {
  const auto value = document.Find(key);
  if (!value) {
    return fallback;
  }
  if (value->type() == BsonType::kInt32) {
    return value->AsInt32();
  }
  const bool is_long = value->type() == BsonType::kInt64 || value->type() == BsonType::kDate;
  return is_long ? value->AsInt64() : fallback;
}

double DoubleField(DocumentView document, std::string_view key) {
  const auto value = document.Find(key);
  return value && value->type() == BsonType::kDouble ? value->AsDouble() : 0.0;
}

bool BoolField(DocumentView document, std::string_view key) {
  const auto value = document.Find(key);
  return value && value->type() == BsonType::kBool && value->AsBool();
}

std::string_view BinaryField(DocumentView document, std::string_view key) {
  const auto value = document.Find(key);
  return value && value->type() == BsonType::kBinary ? value->AsBinary() : std::string_view();
}

DocumentView DocumentField(DocumentView document, std::string_view key) {
  static const Document kEmpty;
  const auto value = document.Find(key);
  const bool nested =
      value && (value->type() == BsonType::kDocument || value->type() == BsonType::kArray);
  return nested ? value->AsDocument() : kEmpty.view();
}

std::vector<Value> IdsOf(std::span<const Document> documents) {
  std::vector<Value> ids;
  ids.reserve(documents.size());
  for (const Document& document : documents) {
    ids.emplace_back(document.Id());
  }
  return ids;
}

}  // namespace rehome
