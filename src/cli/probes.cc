#include "cli/probes.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "adapters/http/http_client.h"

namespace rehome::cli {
namespace {

bool IsProgram(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::is_regular_file(path, failed) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

bool HasProgram(const std::string& program, const Environment& variables) {
  if (program.empty() || program.find('/') != std::string::npos) {
    return IsProgram(program);
  }
  // What posix_spawnp searches where PATH is not set.
  const std::string path = variables("PATH").value_or("/bin:/usr/bin");
  std::string_view rest = path;
  while (true) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    // An empty entry is the working directory.
    if (IsProgram(std::filesystem::path(rest.substr(0, end)) / program)) {
      return true;
    }
    if (end == rest.size()) {
      return false;
    }
    rest.remove_prefix(end + 1);
  }
}

Result<int> HttpStatus(HttpClient& http, const std::string& url, const Call& call) {
  REHOME_TRY_ASSIGN(const HttpResponse response, http.Send({.method = "GET", .url = url}, call));
  return response.status;
}

}  // namespace rehome::cli
