#pragma once
// extract.h — text to phrases (deliverables) and text to one word of a dictionary (industry), as
// the plan sets them up.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/document.h"
#include "plan/plan.h"

namespace rehome {

/// What a phrase extractor gives when every text it may read is empty: its list is never empty.
inline constexpr std::string_view kNoPhrase = "Unspecified";

/// The texts of some values, in order: strings, scalars as text, lists entry by entry; documents
/// and binary data hold no text. Trimmed, none empty.
[[nodiscard]] std::vector<std::string> TextsOf(std::span<const std::optional<ValueView>> values);

/// Phrases of `texts` (trimmed prefixes, longest first): each text without its noise (prefixes, repeatedly; a trailing "#12"), split
/// on the separators, white space collapsed, no duplicates but for case, order kept, at most `cap`.
/// A separator that starts and ends in word characters ("and") splits only between white space.
/// Nothing left: the first text as it is, or kNoPhrase.
[[nodiscard]] std::vector<std::string> ExtractPhrases(const PhraseExtractor& plan,
                                                      std::span<const std::string> texts);

/// A dictionary made ready for look-ups: one pass over a text finds all its words.
class Dictionary {
 public:
  explicit Dictionary(const DictionaryExtractor& plan);
  /// The value of the first entry (plan order) with a word in the first text that has any: whole
  /// words, whatever their case, so that "ai" is not found in "maintain". No text has one: the
  /// fallback.
  [[nodiscard]] const std::string& Classify(std::span<const std::string> texts) const;

 private:
  struct Word {
    std::string folded;
    std::size_t entry = 0;
  };
  /// The first entry with a word in `folded`; values_.size(): none.
  [[nodiscard]] std::size_t FirstEntryIn(std::string_view folded) const;

  std::vector<std::string> values_;                   // one an entry
  std::array<std::vector<Word>, 256> words_by_byte_;  // by their first byte, in plan order
  std::string fallback_;
};

}  // namespace rehome
