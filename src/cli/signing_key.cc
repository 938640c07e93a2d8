#include "cli/signing_key.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "base/atomic_file.h"

namespace rehome::cli {
namespace {

std::filesystem::path KeyFile(const Plan& plan, const Environment& variables) {
  if (const auto config = variables("XDG_CONFIG_HOME"); config && !config->empty()) {
    return std::filesystem::path(*config) / "rehome" / "signing.key";
  }
  if (const auto home = variables("HOME"); home && !home->empty()) {
    return std::filesystem::path(*home) / ".config" / "rehome" / "signing.key";
  }
  return plan.backup.dir / ".signing.key";
}

Status RefuseReadableByOthers(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{} can be read by others: what it signs proves nothing", file.string()),
        fmt::format("remove it (the next report makes a new key) or `chmod 600 {}`",
                    file.string()));
  }
  return {};
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

Result<SigningKey> ReportKey(const Plan& plan, const Environment& variables) {
  if (!plan.verify.signing_key.empty()) {
    return SigningKey::Parse(plan.verify.signing_key);
  }
  const std::filesystem::path file = KeyFile(plan, variables);
  auto text = ReadFile(file);
  if (text) {
    REHOME_TRY(RefuseReadableByOthers(file));
    auto key = SigningKey::Parse(Secret(Trimmed(*std::move(text))));
    return key ? std::move(key) : std::unexpected(std::move(key).error().In(file.string()));
  }
  if (text.error().code != ErrorCode::kNotFound) {
    return std::unexpected(std::move(text).error());
  }
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  if (failed) {
    return std::unexpected(FileError(failed.value(), "cannot create", file.parent_path()));
  }
  SigningKey key = SigningKey::Generate();
  REHOME_TRY(WriteFileAtomically(file, key.SeedHex().Reveal() + "\n"));
  return key;
}

}  // namespace rehome::cli
