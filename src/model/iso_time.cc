#include "model/iso_time.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace rehome {
namespace {

using std::chrono::milliseconds;

/// Takes characters off the front of a text; once something is missing, everything after it fails
/// too.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool AtEnd() const { return rest_.empty(); }

  bool Take(char expected) {
    const bool found = !rest_.empty() && rest_.front() == expected;
    rest_.remove_prefix(found ? 1 : 0);
    return found;
  }
  void Expect(char expected) { failed_ = !Take(expected) || failed_; }
  /// Exactly `count` digits.
  int Number(std::size_t count) {
    const std::string_view digits = Digits();
    if (digits.size() < count) {
      failed_ = true;
      return 0;
    }
    int out = 0;
    std::from_chars(digits.data(), digits.data() + count, out);
    rest_.remove_prefix(count);
    return out;
  }
  /// The digits of a fraction of a second, as milliseconds (finer ones are cut off).
  milliseconds Fraction() {
    const std::string_view digits = Digits();
    failed_ = failed_ || digits.empty();
    int out = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      out = out * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    }
    rest_.remove_prefix(digits.size());
    return milliseconds(out);
  }

 private:
  [[nodiscard]] std::string_view Digits() const {
    const std::size_t end = rest_.find_first_not_of("0123456789");
    return rest_.substr(0, end);
  }
  std::string_view rest_;
  bool failed_ = false;
};

/// How far the written time is ahead of UTC.
std::chrono::minutes ReadZone(Scanner& in) {
  if (in.Take('Z')) {
    return {};
  }
  const bool behind = in.Take('-');
  if (!behind) {
    in.Expect('+');
  }
  std::chrono::minutes out = std::chrono::hours(in.Number(2));
  if (!in.AtEnd()) {
    in.Take(':');
    out += std::chrono::minutes(in.Number(2));
  }
  return behind ? -out : out;
}

}  // namespace

std::optional<std::string> IsoTime(std::int64_t milliseconds_since_epoch) {
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  if (milliseconds_since_epoch < 0 || milliseconds_since_epoch >= kYear10000) {
    return std::nullopt;
  }
  const std::chrono::sys_time<milliseconds> time{milliseconds(milliseconds_since_epoch)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    out += fmt::format(".{:03}", fraction);
  }
  return out + "Z";
}

std::optional<std::int64_t> ParseIsoTime(std::string_view text) {
  Scanner in(text);
  const std::chrono::year year(in.Number(4));
  in.Expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.Number(2)));
  in.Expect('-');
  const std::chrono::year_month_day date(year, month,
                                         std::chrono::day(static_cast<unsigned>(in.Number(2))));
  in.Expect('T');
  const int hours = in.Number(2);
  in.Expect(':');
  const int minutes = in.Number(2);
  const int seconds = in.Take(':') ? in.Number(2) : 0;
  const milliseconds fraction = in.Take('.') ? in.Fraction() : milliseconds(0);
  const std::chrono::minutes zone = ReadZone(in);
  if (in.failed() || !in.AtEnd() || !date.ok() || hours > 23 || minutes > 59 || seconds > 59) {
    return std::nullopt;
  }
  const std::chrono::sys_time<milliseconds> time =
      std::chrono::sys_days(date) + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
      std::chrono::seconds(seconds) + fraction - zone;
  return time.time_since_epoch().count();
}

}  // namespace rehome
