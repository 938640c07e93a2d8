#include "ports/spend_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace rehome {

void SpendMeter::StartAt(double spent) {
  const std::scoped_lock lock(mutex_);
  spent_ = std::max(spent_, spent);
}

Status SpendMeter::Reserve(double estimate) {
  const std::scoped_lock lock(mutex_);
  if (max_ > 0 && spent_ + reserved_ + estimate > max_) {
    // To be waited for until a person raises it: nobody repeats it before.
    return std::unexpected(Error{
        .code = ErrorCode::kResourceExhausted,
        .message = fmt::format("embeddings have cost ${:.6f}, the next request up to ${:.6f}: "
                               "together more than limits.spend_max_usd, {}",
                               spent_ + reserved_, estimate, max_),
        .hint = "nothing more was asked for; what was embedded is in the cache and not paid again: "
                "raise the limit and run the same command",
        .retry_after_ms = std::numeric_limits<std::int64_t>::max()});
  }
  reserved_ += estimate;
  return {};
}

void SpendMeter::Settle(double estimate, double actual) {
  const std::scoped_lock lock(mutex_);
  reserved_ -= estimate;
  spent_ += actual;
}

double SpendMeter::spent() const {
  const std::scoped_lock lock(mutex_);
  return spent_;
}

}  // namespace rehome
