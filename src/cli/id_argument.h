#pragma once
// id_argument.h — how a command line names a document.
#include <string_view>
#include <vector>

#include "model/document.h"

namespace rehome::cli {

/// What `text` may stand for, likeliest first: an `_id` in Extended JSON, a bare hexadecimal
/// ObjectId, a bare string. Never empty.
[[nodiscard]] std::vector<Value> IdsNamed(std::string_view text);

}  // namespace rehome::cli
