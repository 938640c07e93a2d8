#pragma once
// json_writer.h — writes compact JSON in one pass. The caller keeps keys and values in turn; commas
// are put here.
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rehome::pinecone_local {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Integer(std::integral auto value) { return Raw(std::to_string(value)); }
  /// The shortest form that reads back to the same value.
  JsonWriter& Number(double value);
  /// Shortest float32 forms: 0.1, not 0.10000000149.
  JsonWriter& Floats(std::span<const float> values);
  JsonWriter& Integers(std::span<const std::uint32_t> values);
  /// `json` as it stands.
  JsonWriter& Raw(std::string_view json);
  [[nodiscard]] std::string Take() && { return std::move(out_); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void AppendQuoted(std::string_view text);

  std::string out_;
  bool comma_ = false;  // a value stands before this place in the same object or array
};

}  // namespace rehome::pinecone_local
