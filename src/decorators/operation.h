#pragma once
// operation.h — one port call as a decorator sees it.
#include <string_view>

namespace rehome {

struct Operation {
  std::string_view name;  // "upsert"
  bool writes = false;    // changes the store
  double cost = 0;        // what a rate limit counts: vectors written, tokens embedded
  /// kResourceExhausted is a full disk, which waiting does not mend, instead of a rate.
  bool exhaustion_is_final = false;
};

}  // namespace rehome
