#pragma once
// iso_time.h — the ISO 8601 date and time that Extended JSON uses.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rehome {

/// "2012-12-24T12:15:30.501Z", without ".000"; nothing outside the years 1970 to 9999, which the
/// relaxed form leaves to the number.
[[nodiscard]] std::optional<std::string> IsoTime(std::int64_t milliseconds_since_epoch);

/// Reads `YYYY-MM-DDTHH:MM[:SS[.fraction]]` with `Z`, `±HH:MM`, `±HHMM` or `±HH`, to the
/// millisecond.
[[nodiscard]] std::optional<std::int64_t> ParseIsoTime(std::string_view text);

}  // namespace rehome
