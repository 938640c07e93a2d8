#pragma once
// json_number.h — whole numbers in a service's answer: nlohmann-json's get() leaves undefined what a
// number that does not fit becomes.
#include <cmath>
#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace rehome {

/// The whole number that `value` is, 3.0 and 1e3 too. Throws a json::exception, as get() does, for
/// anything else and for what T does not hold.
template <std::integral T>
[[nodiscard]] T WholeNumber(const nlohmann::json& value) {
  constexpr double kExactMax = 9007199254740992.0;
  if (value.is_number_unsigned()) {
    if (const auto number = value.get<std::uint64_t>(); std::in_range<T>(number)) {
      return static_cast<T>(number);
    }
  } else if (value.is_number_integer()) {
    if (const auto number = value.get<std::int64_t>(); std::in_range<T>(number)) {
      return static_cast<T>(number);
    }
  } else if (const auto number = value.get<double>();
             std::trunc(number) == number && std::abs(number) <= kExactMax &&
             std::in_range<T>(static_cast<std::int64_t>(number))) {
    return static_cast<T>(number);
  }
  throw nlohmann::json::out_of_range::create(406, "no whole number that can be here", &value);
}

}  // namespace rehome
