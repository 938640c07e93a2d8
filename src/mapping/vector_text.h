#pragma once
// vector_text.h — what of an item goes to the vector store: the text that is embedded and the
// metadata.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/document.h"
#include "model/vector_record.h"

namespace rehome {

/// `{company_name}: {skills}.` — literal text and fields of the item.
class TextTemplate {
 public:
  /// kInvalidArgument: a brace without its partner, or an empty name.
  [[nodiscard]] static Result<TextTemplate> Compile(std::string_view text);
  /// Null, missing and empty fields render as nothing; punctuation stays as written.
  [[nodiscard]] std::string Render(DocumentView item) const;
  /// The fields that it names, in the order of their places.
  [[nodiscard]] std::vector<std::string> Fields() const;

 private:
  struct Part {
    std::string literal;
    std::string field;  // after the literal; empty: none
  };
  std::vector<Part> parts_;
};

/// A field as metadata: strings, bools, finite numbers that a float64 holds exactly (int, long
/// within ±2^53, double) and lists, whose entries are text, stay; every other value (dates, ids,
/// decimals, objects) is relaxed Extended JSON in a string. Null: nothing.
[[nodiscard]] std::optional<MetadataValue> ToMetadata(ValueView value);

/// Whether every text in the value is UTF-8: another one reaches no embedder and no index.
[[nodiscard]] bool IsSendable(ValueView value);

}  // namespace rehome
