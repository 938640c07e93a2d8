#pragma once
// disk.h — the files of a simulated world. A simulated death cannot stop the code that runs on after
// it; what that does to the disk is taken back when it has come to its end.
#include <filesystem>

#include "base/error.h"

namespace rehome::sim {

class Disk {
 public:
  /// `root` is the world's own.
  explicit Disk(std::filesystem::path root);

  /// Empty, as every world begins.
  [[nodiscard]] Status Clear();
  /// The process dies now.
  void Freeze();
  /// The dead process is gone: the disk is as it was when it died; nothing if nobody did.
  [[nodiscard]] Status AsAtDeath();

 private:
  const std::filesystem::path root_;
  const std::filesystem::path at_death_;
  bool frozen_ = false;
  std::error_code failed_;
};

}  // namespace rehome::sim
