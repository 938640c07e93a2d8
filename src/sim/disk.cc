#include "sim/disk.h"

#include "base/atomic_file.h"

namespace rehome::sim {

Disk::Disk(std::filesystem::path root)
    : root_(std::move(root)), at_death_(root_.string() + "-at-death") {}

Status Disk::Clear() {
  frozen_ = false;
  std::error_code failed;
  std::filesystem::remove_all(at_death_, failed);
  if (!failed) {
    std::filesystem::remove_all(root_, failed);
  }
  if (!failed) {
    std::filesystem::create_directory(root_, failed);
  }
  return failed ? Status(std::unexpected(FileError(failed.value(), "cannot clear", root_)))
                : Status{};
}

void Disk::Freeze() {
  if (!frozen_) {
    frozen_ = true;
    std::filesystem::copy(root_, at_death_, std::filesystem::copy_options::recursive, failed_);
  }
}

Status Disk::AsAtDeath() {
  if (!frozen_) {
    return {};
  }
  frozen_ = false;
  std::error_code failed = failed_;
  if (!failed) {
    std::filesystem::remove_all(root_, failed);
  }
  if (!failed) {
    std::filesystem::rename(at_death_, root_, failed);
  }
  return failed ? Status(std::unexpected(FileError(failed.value(), "cannot bring back", root_)))
                : Status{};
}

}  // namespace rehome::sim
