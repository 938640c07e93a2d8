#pragma once
// secret.h — a value that no log, report, journal, error or backup may show. Only Reveal() gives it
// out.
#include <string>
#include <utility>

namespace rehome {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& Reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

}  // namespace rehome
