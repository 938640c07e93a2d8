#include "cli/saved_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "model/extended_json.h"

namespace rehome::cli {
namespace {

std::string Named(std::string_view key, const std::string& name) {
  return fmt::format(
      R"({{"{}":{})", key,
      nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Status SavedFile::Add(const std::string& collection, const Document& document) {
  const std::string json = ToExtendedJson(document.view(), JsonMode::kCanonical);
  const auto read_back = ParseExtendedJson(json);
  const std::string exact = read_back && *read_back == document
                                ? ""
                                : fmt::format(R"(,"bson_hex":"{}")", Hex(document.bytes()));
  return Append(
      fmt::format("{},\"document\":{}{}}}\n", Named("collection", collection), json, exact));
}

Status SavedFile::Add(const std::string& ns, const VectorRecord& vector) {
  return Append(fmt::format("{},\"vector\":{}}}\n", Named("namespace", ns), VectorJson(vector)));
}

Status SavedFile::Append(const std::string& line) {
  if (!file_) {
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
      return std::unexpected(FileError(errno, "save what is replaced in", path_));
    }
    file_.reset(::fdopen(fd, "a"));
    REHOME_TRY(SyncDirectory(path_.has_parent_path() ? path_.parent_path() : "."));
  }
  const bool written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                       std::fflush(file_.get()) == 0 && ::fdatasync(::fileno(file_.get())) == 0;
  if (!written) {
    return std::unexpected(FileError(errno, "save what is replaced in", path_));
  }
  return {};
}

}  // namespace rehome::cli
