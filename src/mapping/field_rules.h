#pragma once
// field_rules.h — how each field of an item comes from the source: the plan's rules made ready to
// run.
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mapping/extract.h"
#include "mapping/jq_pool.h"
#include "mapping/key_table.h"
#include "mapping/mapping.h"

namespace rehome {

/// A field's value. What can be borrowed from the source is; nothing (null) is monostate.
using Computed = std::variant<std::monostate, ValueView, std::string_view, Value>;

/// What a copy changed about the value that it read, beyond leaving out what is empty as null.
struct CopyEffects {
  bool truncated = false;  // `take` left entries behind
  bool coerced = false;    // trimmed, split, or entries dropped or turned into text
};

/// A value as a rule without `take` copies it: strings and a list's strings trimmed, a list that
/// holds one comma-separated string split, null for what is missing or blank, every other type and
/// an empty list as they are.
[[nodiscard]] Computed CopyValue(const std::optional<ValueView>& value, CopyEffects& effects);
/// The first `take` entries without empty ones and case-insensitive duplicates: always a list, of
/// one entry where the value is no list. Scalars become text; objects and lists inside stay what
/// they are.
[[nodiscard]] Value TakeValues(const std::optional<ValueView>& value, std::size_t take,
                               CopyEffects& effects);
/// What is "empty" for first_non_empty.
[[nodiscard]] bool IsEmpty(const Computed& computed);

class FieldRules {
 public:
  /// kInvalidArgument: a jq program is refused; a rule names an extractor that the plan lacks.
  [[nodiscard]] static Result<FieldRules> Compile(const ItemsPlan& items);  // keeps a reference

  /// Appends every field in plan order; an error names the field.
  [[nodiscard]] Status AppendAll(DocumentView document, DocumentBuilder& item) const;
  /// How each field came about; `item` is what AppendAll() made, empty if it failed.
  [[nodiscard]] std::vector<FieldTrace> Explain(DocumentView document, DocumentView item) const;

 private:
  /// A path and the number of the top-level field that it starts at; kNone: it starts at none.
  struct Reading {
    const FieldPath* path = nullptr;
    std::size_t top = KeyTable::kNone;
  };
  struct Rule {
    const FieldRule* plan = nullptr;
    std::vector<Reading> from;  // as the plan's
    const PhraseExtractor* phrases = nullptr;
    const Dictionary* dictionary = nullptr;
    std::size_t jq_index = 0;
    std::vector<Rule> alternatives;
  };
  struct Compiler;
  class Source;

  [[nodiscard]] Result<Computed> Compute(const Rule& rule, const Source& source) const;
  [[nodiscard]] Result<Computed> ComputeWhole(const Rule& rule, const Source& source) const;
  /// The alternative of a first_non_empty rule that gives the value, through nested ones; else the
  /// rule itself.
  [[nodiscard]] const Rule& Chosen(const Rule& rule, const Source& source) const;

  std::vector<std::pair<std::string_view, Rule>> fields_;
  KeyTable tops_;  // the top-level fields that the rules read
  std::vector<std::unique_ptr<PhraseExtractor>> phrases_;
  std::vector<std::unique_ptr<Dictionary>> dictionaries_;
  std::optional<JqPool> jq_;
};

}  // namespace rehome
