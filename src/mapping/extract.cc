#include "mapping/extract.h"

#include <algorithm>

#include "mapping/text.h"

namespace rehome {
namespace {

bool HoldsText(BsonType type) {
  return type != BsonType::kDocument && type != BsonType::kBinary &&
         type != BsonType::kCodeWithScope && type != BsonType::kArray;
}

void AddText(ValueView value, std::vector<std::string>& texts) {
  if (!HoldsText(value.type())) {
    return;
  }
  if (std::string text = AsText(value); !text.empty()) {
    texts.push_back(std::move(text));
  }
}

/// A prefix of letters must end at a word's end: "Need a" is not the start of "Need apples".
bool StripPrefix(std::string_view& text, std::string_view prefix) {
  if (prefix.empty() || text.size() < prefix.size() ||
      !EqualIgnoringAsciiCase(text.substr(0, prefix.size()), prefix)) {
    return false;
  }
  const std::string_view rest = text.substr(prefix.size());
  if (EndsInWord(prefix) && StartsInWord(rest)) {
    return false;
  }
  text = Trim(rest);
  return true;
}

std::string_view WithoutNoisePrefixes(std::string_view text,
                                      const std::vector<std::string>& prefixes) {
  const auto strip_one = [&] {
    return std::ranges::any_of(
        prefixes, [&](const std::string& prefix) { return StripPrefix(text, Trim(prefix)); });
  };
  while (strip_one()) {
    while (!text.empty() && (text.front() == ':' || text.front() == ',')) {
      text = Trim(text.substr(1));  // "Looking for expert: portal"
    }
  }
  return text;
}

/// "Logo design #12" → "Logo design"; "C#" and "#12" alone stay.
std::string_view WithoutTrailingNumber(std::string_view text) {
  const std::size_t hash = text.rfind('#');
  if (hash == std::string_view::npos || hash + 1 == text.size() || hash == 0) {
    return text;
  }
  const std::string_view digits = text.substr(hash + 1);
  const bool number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  const std::string_view before = Trim(text.substr(0, hash));
  return number && before.size() < hash ? before : text;
}

/// Where `separator` next stands in `text`; one made of letters ("and") only between white space or
/// the ends.
std::size_t FindSeparator(std::string_view text, std::string_view separator, std::size_t from) {
  for (std::size_t at = text.find(separator, from); at != std::string_view::npos;
       at = text.find(separator, at + 1)) {
    const bool glued_before = StartsInWord(separator) && EndsInWord(text.substr(0, at));
    const bool glued_after =
        EndsInWord(separator) && StartsInWord(text.substr(at + separator.size()));
    if (!glued_before && !glued_after) {
      return at;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> Split(std::string_view text,
                                    const std::vector<std::string>& separators) {
  std::vector<std::string_view> parts{text};
  for (const std::string& separator : separators) {
    if (separator.empty()) {
      continue;
    }
    std::vector<std::string_view> next;
    for (std::string_view part : parts) {
      for (std::size_t at = FindSeparator(part, separator, 0); at != std::string_view::npos;
           at = FindSeparator(part, separator, 0)) {
        next.push_back(part.substr(0, at));
        part.remove_prefix(at + separator.size());
      }
      next.push_back(part);
    }
    parts = std::move(next);
  }
  return parts;
}

bool HasWord(std::string_view folded_text, std::string_view word) {
  return !word.empty() && FindSeparator(folded_text, word, 0) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> TextsOf(std::span<const std::optional<ValueView>> values) {
  std::vector<std::string> texts;
  for (const std::optional<ValueView>& value : values) {
    if (!value) {
      continue;
    }
    if (value->type() == BsonType::kArray) {
      for (const auto& element : value->AsDocument()) {
        AddText(element.value, texts);
      }
    } else {
      AddText(*value, texts);
    }
  }
  return texts;
}

std::vector<std::string> ExtractPhrases(const PhraseExtractor& plan,
                                        std::span<const std::string> texts) {
  std::vector<std::string> phrases;
  std::vector<std::string> folded;
  const std::size_t cap = std::max<std::size_t>(plan.cap, 1);
  for (const std::string& text : texts) {
    const std::string_view clean =
        WithoutNoisePrefixes(WithoutTrailingNumber(Trim(text)), plan.noise_prefixes);
    for (const std::string_view part : Split(clean, plan.separators)) {
      std::string phrase = CollapseSpace(part);
      std::string key = FoldCase(phrase);
      if (phrase.empty() || std::ranges::find(folded, key) != folded.end()) {
        continue;
      }
      if (phrases.size() == cap) {
        return phrases;
      }
      phrases.push_back(std::move(phrase));
      folded.push_back(std::move(key));
    }
  }
  if (phrases.empty()) {
    phrases.push_back(texts.empty() ? std::string(kNoPhrase) : CollapseSpace(texts.front()));
  }
  return phrases;
}

Dictionary::Dictionary(const DictionaryExtractor& plan) : fallback_(plan.fallback) {
  for (const auto& [value, words] : plan.entries) {
    Entry entry{value, {}};
    for (const std::string& word : words) {
      entry.words.push_back(FoldCase(Trim(word)));
    }
    entries_.push_back(std::move(entry));
  }
}

const std::string& Dictionary::Classify(std::span<const std::string> texts) const {
  for (const std::string& text : texts) {
    const std::string folded = FoldCase(text);
    for (const Entry& entry : entries_) {
      if (std::ranges::any_of(entry.words,
                              [&](const std::string& word) { return HasWord(folded, word); })) {
        return entry.value;
      }
    }
  }
  return fallback_;
}

}  // namespace rehome
