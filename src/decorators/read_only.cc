#include "decorators/read_only.h"

#include <fmt/format.h>

namespace rehome {

std::unexpected<Error> WriteRefusal::Refuse(const Operation& operation) {
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("{} refused: this store is opened for reading only", operation.name),
              "`rehome run` is what writes");
}

}  // namespace rehome
