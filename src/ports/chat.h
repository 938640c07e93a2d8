#pragma once
// chat.h — generates a text from instructions (verify's proposals check).
#include <string>

#include "base/error.h"
#include "ports/call.h"

namespace rehome {

class Chat {
 public:
  virtual ~Chat() = default;
  [[nodiscard]] virtual Result<std::string> Complete(std::string_view instructions,
                                                     std::string_view input, const Call& call) = 0;
};

}  // namespace rehome
