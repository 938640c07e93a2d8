#pragma once
// parallel.h — several requests, or port calls, at a time.
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ports/call.h"

namespace rehome {

/// Takes parts from `next` and works each off, on up to `threads` threads, the caller's included.
/// `next` is called by one thread at a time and gives nothing at the end; `work` by several. The
/// first error stops what has not begun, interrupts what has, and is returned; `work` gets a call
/// that such a stop reaches.
template <class Part>
[[nodiscard]] Status InParallel(std::size_t threads, const Call& call,
                                const std::function<Result<std::optional<Part>>()>& next,
                                const std::function<Status(Part, const Call&)>& work) {
  std::mutex mutex;
  Status outcome;    // guarded by mutex
  bool end = false;  // guarded by mutex
  std::stop_source failed;
  const std::stop_callback forward(call.stop, [&failed] { failed.request_stop(); });
  Call inner = call;
  inner.stop = failed.get_token();

  const auto fail = [&](Error error) {  // requires mutex
    if (outcome) {
      outcome = std::unexpected(std::move(error));
    }
    end = true;
    failed.request_stop();
  };
  const auto take = [&]() -> std::optional<Part> {
    const std::scoped_lock lock(mutex);
    if (end) {
      return std::nullopt;
    }
    auto part = next();
    if (!part) {
      fail(std::move(part).error());
      return std::nullopt;
    }
    end = !part->has_value();
    return *std::move(part);
  };
  const auto work_off = [&](std::optional<Part> part) {
    for (; part; part = take()) {
      if (Status done = work(*std::move(part), inner); !done) {
        const std::scoped_lock lock(mutex);
        fail(std::move(done).error());
      }
    }
  };

  {
    std::vector<std::jthread> others;  // joined at the end of this block
    std::optional<Part> held = take();
    while (held && others.size() + 1 < threads) {
      std::optional<Part> another = take();
      if (!another) {
        break;
      }
      others.emplace_back(
          [&work_off, part = std::move(held)]() mutable { work_off(std::move(part)); });
      held = std::move(another);
    }
    work_off(std::move(held));
  }
  return outcome;
}

}  // namespace rehome
