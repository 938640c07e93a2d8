#pragma once
// hook.h — runs an application's command: an argument vector, no shell.
#include <string>
#include <vector>

#include "base/error.h"

namespace rehome::cli {

/// Waits for it and returns its exit status (128 + signal if one ended it). What it prints on
/// stdout goes to our stderr, which holds no results; its stdin is empty. kFailedPrecondition: it
/// could not be started.
[[nodiscard]] Result<int> RunHook(const std::vector<std::string>& arguments);

}  // namespace rehome::cli
