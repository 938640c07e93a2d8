#include "ports/spend_meter.h"

#include <fmt/format.h>

namespace rehome {

void SpendMeter::StartAt(double spent) {
  const std::scoped_lock lock(mutex_);
  spent_ = spent;
}

Status SpendMeter::Reserve(double estimate) {
  const std::scoped_lock lock(mutex_);
  if (max_ > 0 && spent_ + reserved_ + estimate > max_) {
    return Fail(
        ErrorCode::kResourceExhausted,
        fmt::format("embeddings have cost ${:.6f}, the next request up to ${:.6f}: together "
                    "more than limits.spend_max_usd, {}",
                    spent_ + reserved_, estimate, max_),
        "nothing more was asked for; what was embedded is in the cache and not paid again: "
        "raise the limit and run the same command");
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
