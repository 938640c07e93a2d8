#pragma once
// saved_file.h — what an ordered restore is about to replace or remove, one JSON object a line,
// synced before it does.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/c_handle.h"
#include "base/error.h"
#include "model/document.h"
#include "model/vector_record.h"

namespace rehome::cli {

/// Made with mode 0600 by the first record.
class SavedFile {
 public:
  explicit SavedFile(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] Status Add(const std::string& collection, const Document& document);
  [[nodiscard]] Status Add(const std::string& ns, const VectorRecord& vector);
  /// Empty if nothing was saved.
  [[nodiscard]] std::filesystem::path path() const {
    return file_ ? path_ : std::filesystem::path{};
  }

 private:
  [[nodiscard]] Status Append(const std::string& line);
  const std::filesystem::path path_;
  CHandle<std::FILE, std::fclose> file_;
};

}  // namespace rehome::cli
