#pragma once
// json_reader.h — request bodies (simdjson) with the errors that the API gives. A member that is
// null counts as absent.
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/vector_record.h"
#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {

using Json = simdjson::dom::element;

/// The members of a JSON object, by name, typed. Valid until the thread parses the next document.
class JsonObject {
 public:
  explicit JsonObject(simdjson::dom::object object) : object_(object) {}
  /// Reads a body that must be an object; an empty body is `{}`. Refused otherwise.
  [[nodiscard]] static Refusable<JsonObject> Parse(const std::string& body);

  [[nodiscard]] std::optional<Json> Find(std::string_view key) const;
  [[nodiscard]] Refusable<std::string> String(std::string_view key,
                                              std::string_view fallback = {}) const;
  [[nodiscard]] Refusable<std::int64_t> Integer(std::string_view key, std::int64_t fallback) const;
  [[nodiscard]] Refusable<bool> Bool(std::string_view key, bool fallback = false) const;
  /// Nothing if absent; refused if it is no object.
  [[nodiscard]] Refusable<std::optional<JsonObject>> Object(std::string_view key) const;
  /// Empty if absent.
  [[nodiscard]] Refusable<std::vector<std::string>> Strings(std::string_view key) const;
  /// Finite float32 values; empty if absent. A null (how clients send NaN) is an error that names
  /// `what`.
  [[nodiscard]] Refusable<std::vector<float>> Floats(std::string_view key,
                                                     std::string_view what) const;
  /// `{"indices":[…],"values":[…]}`, checked; empty if absent.
  [[nodiscard]] Refusable<SparseValues> Sparse(std::string_view key, std::string_view what) const;
  /// The same from two members that stand side by side.
  [[nodiscard]] Refusable<SparseValues> Sparse(std::string_view indices_key,
                                               std::string_view values_key,
                                               std::string_view what) const;
  [[nodiscard]] simdjson::dom::object members() const { return object_; }

 private:
  simdjson::dom::object object_;
};

/// What `read` makes of a text that this server stored. kDataLoss, which names `what`, if that is no
/// JSON object.
template <class T>
[[nodiscard]] Result<T> ReadStored(std::string_view text, std::string_view what,
                                   Refusable<T> (*read)(const JsonObject& json)) {
  simdjson::dom::parser parser;  // its own: a request may still be read with the thread's
  simdjson::dom::object root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kDataLoss, std::string(what) + " cannot be read",
                "restore this directory from a backup");
  }
  auto value = read(JsonObject(root));
  return value ? Result<T>(*std::move(value)) : std::unexpected(std::move(value).error().error);
}

/// One record of an upsert, with every rule that does not depend on the index.
[[nodiscard]] Refusable<VectorRecord> ParseRecord(const Json& json);
/// 1..512 bytes of ASCII without NUL. `what` names it in the error ("Vector ID").
[[nodiscard]] Status CheckId(std::string_view id, std::string_view what);

}  // namespace rehome::pinecone_local
