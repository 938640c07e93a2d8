#pragma once
// memory_index.h — an index of a collection in memory: which documents hold a value at its paths.
// An array gives an entry for itself and one per element; an absent path is null, as in MongoDB.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/fields.h"
#include "model/sort_key.h"

namespace rehome::sim {

/// The sort keys of the values at `path`; never empty.
[[nodiscard]] inline std::vector<std::string> PathKeys(DocumentView document,
                                                       std::string_view path) {
  const std::size_t dot = path.find('.');
  const auto value = document.Find(path.substr(0, dot));
  const bool nested =
      value && (value->type() == BsonType::kDocument || value->type() == BsonType::kArray);
  if (!value || (dot != std::string_view::npos && !nested)) {
    return {SortKey(Value().view())};
  }
  if (dot != std::string_view::npos) {
    return PathKeys(value->AsDocument(), path.substr(dot + 1));
  }
  std::vector<std::string> keys{SortKey(*value)};
  if (value->type() == BsonType::kArray) {
    std::set<std::string> elements;
    for (const auto& element : value->AsDocument()) {
      elements.insert(SortKey(element.value));
    }
    keys.insert(keys.end(), elements.begin(), elements.end());
  }
  return keys;
}

class MemoryIndex {
 public:
  /// `definition` as MongoDB reports an index.
  explicit MemoryIndex(Document definition)
      : definition_(std::move(definition)),
        name_(StringField(definition_.view(), "name")),
        unique_(BoolField(definition_.view(), "unique")) {
    for (const auto& path : DocumentField(definition_.view(), "key")) {
      paths_.emplace_back(path.key);
    }
  }

  [[nodiscard]] const Document& definition() const { return definition_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Whether Find() knows every document that holds a value at `path`.
  [[nodiscard]] bool Covers(std::string_view path) const {
    return paths_.size() == 1 && paths_.front() == path;
  }

  /// `key` is the sort key of the document's `_id`.
  void Add(const std::string& key, DocumentView document) { Change(key, std::nullopt, document); }
  /// From what the document was to what it is; nothing: it was, or is, not there.
  void Change(const std::string& key, const std::optional<DocumentView>& before,
              const std::optional<DocumentView>& after) {
    std::vector<std::string> old_entries;
    if (before) {
      old_entries = Entries(*before);
    }
    std::vector<std::string> new_entries;
    if (after) {
      new_entries = Entries(*after);
    }
    if (old_entries == new_entries) {
      return;
    }
    for (const std::string& entry : old_entries) {
      const auto found = keys_.find(entry);
      if (found != keys_.end() && found->second.erase(key) == 1 && found->second.empty()) {
        keys_.erase(found);
      }
    }
    for (std::string& entry : new_entries) {
      keys_[std::move(entry)].insert(key);
    }
  }
  /// Whether a unique index has an entry of `document` under another key.
  [[nodiscard]] bool Refuses(const std::string& key, DocumentView document) const {
    if (!unique_) {
      return false;
    }
    for (const std::string& entry : Entries(document)) {
      const auto found = keys_.find(entry);
      if (found != keys_.end() && (found->second.size() > 1 || !found->second.contains(key))) {
        return true;
      }
    }
    return false;
  }
  /// The keys of the documents that hold the value with this sort key at the covered path.
  [[nodiscard]] const std::set<std::string>& Find(const std::string& value) const {
    static const std::set<std::string> kNone;
    const auto found = keys_.find(value);
    return found == keys_.end() ? kNone : found->second;
  }

 private:
  /// One per combination of array elements; of several paths each with its length before it.
  [[nodiscard]] std::vector<std::string> Entries(DocumentView document) const {
    if (paths_.empty()) {
      return {};
    }
    std::vector<std::string> entries = PathKeys(document, paths_.front());
    for (std::size_t i = 1; i < paths_.size(); ++i) {
      std::vector<std::string> longer;
      for (const std::string& entry : entries) {
        for (const std::string& value : PathKeys(document, paths_[i])) {
          longer.push_back(std::to_string(entry.size()) + ":" + entry + value);
        }
      }
      entries = std::move(longer);
    }
    return entries;
  }

  Document definition_;
  std::string name_;
  bool unique_ = false;
  std::vector<std::string> paths_;
  std::map<std::string, std::set<std::string>> keys_;  // entry → documents
};

}  // namespace rehome::sim
