#pragma once
// address.h — what a mongodb:// or mongodb+srv:// address says, without asking the network.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace rehome::mongodb {

struct Address {
  bool srv = false;
  std::vector<std::string> hosts;  // lower-case, with their port unless srv; ascending
  std::string database;
  /// The secret parts as they stand in the address and decoded: what no message may show.
  std::vector<std::string> secrets;

  /// "mongodb://h1:27017,h2:27017/db": equal for every spelling of the same database.
  [[nodiscard]] std::string Identity() const;
  /// `text` with "***" for each run of bytes that belong to a secret.
  [[nodiscard]] std::string Scrubbed(std::string_view text) const;
};

/// kInvalidArgument says what is wrong and never repeats the address, which may hold a password.
[[nodiscard]] Result<Address> ParseAddress(std::string_view uri);

}  // namespace rehome::mongodb
