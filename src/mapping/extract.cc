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

bool IsAsciiWord(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/// A prefix of letters must end at a word's end: "Need a" is not the start of "Need apples".
bool StripPrefix(std::string_view& text, std::string_view prefix) {
  constexpr int kCaseBit = 0x20;
  if (prefix.empty() || text.size() < prefix.size() ||
      ((text.front() ^ prefix.front()) & ~kCaseBit) != 0 ||  // most of them differ here
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
        prefixes, [&](const std::string& prefix) { return StripPrefix(text, prefix); });
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

/// Whether `words`, found at `at`, stands there by itself: letters at its ends touch no others.
bool StandsAlone(std::string_view text, std::size_t at, std::string_view words) {
  const bool glued_before = StartsInWord(words) && EndsInWord(text.substr(0, at));
  return !glued_before && !(EndsInWord(words) && StartsInWord(text.substr(at + words.size())));
}

/// Where `separator` next stands in `text`; one made of letters ("and") only between white space or
/// the ends.
std::size_t FindSeparator(std::string_view text, std::string_view separator) {
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator, at + 1)) {
    if (StandsAlone(text, at, separator)) {
      return at;
    }
  }
  return std::string_view::npos;
}

/// The byte of a separator that is rarest in texts: " - " is looked for by its dash.
char Telltale(std::string_view separator) {
  const auto is_rare = [](char c) { return c != ' ' && !IsAsciiWord(c); };
  const auto* rare = std::ranges::find_if(separator, is_rare);
  return rare == separator.end() ? separator.front() : *rare;
}

std::vector<std::string_view> Split(std::string_view text,
                                    const std::vector<std::string>& separators) {
  std::vector<std::string_view> parts{text};
  for (const std::string& separator : separators) {
    if (separator.empty() || text.find(Telltale(separator)) == std::string_view::npos) {
      continue;
    }
    std::vector<std::string_view> next;
    for (std::string_view part : parts) {
      for (std::size_t at = FindSeparator(part, separator); at != std::string_view::npos;
           at = FindSeparator(part, separator)) {
        next.push_back(part.substr(0, at));
        part.remove_prefix(at + separator.size());
      }
      next.push_back(part);
    }
    parts = std::move(next);
  }
  return parts;
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
  const std::size_t cap = std::max<std::size_t>(plan.cap, 1);
  for (const std::string& text : texts) {
    const std::string_view clean =
        WithoutNoisePrefixes(WithoutTrailingNumber(Trim(text)), plan.noise_prefixes);
    for (const std::string_view part : Split(clean, plan.separators)) {
      std::string phrase = CollapseSpace(part);
      const auto same = [&](const std::string& known) { return EqualFolded(known, phrase); };
      if (phrase.empty() || std::ranges::any_of(phrases, same)) {
        continue;
      }
      if (phrases.size() == cap) {
        return phrases;
      }
      phrases.push_back(std::move(phrase));
    }
  }
  if (phrases.empty()) {
    phrases.push_back(texts.empty() ? std::string(kNoPhrase) : CollapseSpace(texts.front()));
  }
  return phrases;
}

Dictionary::Dictionary(const DictionaryExtractor& plan) : fallback_(plan.fallback) {
  for (const auto& [value, words] : plan.entries) {
    for (const std::string& word : words) {
      std::string folded = FoldCase(Trim(word));
      if (!folded.empty()) {
        auto& bucket = words_by_byte_[static_cast<unsigned char>(folded.front())];
        bucket.push_back({std::move(folded), values_.size()});
      }
    }
    values_.push_back(value);
  }
}

std::size_t Dictionary::FirstEntryIn(std::string_view folded) const {
  std::size_t first = values_.size();
  for (std::size_t at = 0; at < folded.size(); ++at) {
    const char byte = folded[at];
    if (at > 0 && IsAsciiWord(byte) && IsAsciiWord(folded[at - 1])) {
      continue;  // inside of a word none begins
    }
    for (const Word& word : words_by_byte_[static_cast<unsigned char>(byte)]) {
      if (word.entry >= first) {
        break;
      }
      if (folded.substr(at).starts_with(word.folded) && StandsAlone(folded, at, word.folded)) {
        first = word.entry;
      }
    }
  }
  return first;
}

const std::string& Dictionary::Classify(std::span<const std::string> texts) const {
  for (const std::string& text : texts) {
    if (const std::size_t entry = FirstEntryIn(FoldCase(text)); entry < values_.size()) {
      return values_[entry];
    }
  }
  return fallback_;
}

}  // namespace rehome
