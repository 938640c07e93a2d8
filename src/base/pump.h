#pragma once
// pump.h — who drives a walk: producers read and prepare, one consumer writes on the calling thread, a
// bounded queue between them; or each producer consumes what it made, where stores take several
// writers. Producers run on threads of their own; with one worker everything happens on the calling
// thread; under a Scheduler (a simulation) it does too, in the order that the scheduler chooses. What
// is driven holds no thread, lock, sleep or clock itself.
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "base/scheduler.h"

namespace rehome {

template <class Batch>
class Pump {
 public:
  /// The next batch of a part; nothing at its end.
  using Source = std::function<Result<std::optional<Batch>>()>;
  using Open = std::function<Result<Source>(std::size_t part)>;
  using Consume = std::function<Status(Batch)>;

  struct Options {
    std::size_t threads = 0;  // producers; 0: the calling thread reads too
    /// Batches queued between producers and consumer: enough to hide one slow write, few enough to
    /// bound memory.
    std::size_t queued_max = 4;
    /// Producers consume what they made: Consume is called by several threads at once, for batches
    /// of different parts.
    bool each_consumes = false;
    Scheduler* scheduler = nullptr;  // given: as many producers, without a thread
  };

  /// Reads parts 0 … parts-1, at most `threads` of them at a time, and consumes every batch. Those
  /// of one part arrive in their order. The first error wins; everything is joined on return.
  static Status Run(std::size_t parts, const Options& options, const std::stop_token& stop,
                    const Open& open, const Consume& consume) {
    if (options.threads == 0) {
      return RunInline(parts, stop, open, consume);
    }
    return options.scheduler != nullptr ? RunScheduled(parts, options, stop, open, consume)
                                        : RunThreaded(parts, options, stop, open, consume);
  }

 private:
  static std::unexpected<Error> Stopped() {
    return Fail(ErrorCode::kCancelled, "stopped on request");
  }

  /// Hands every batch of `part` to `take`.
  template <class Take>
  static Status Drain(std::size_t part, const Open& open, const Take& take) {
    REHOME_TRY_ASSIGN(const Source next, open(part));
    while (true) {
      REHOME_TRY_ASSIGN(std::optional<Batch> batch, next());
      if (!batch) {
        return {};
      }
      REHOME_TRY(take(*std::move(batch)));
    }
  }

  static Status RunInline(std::size_t parts, const std::stop_token& stop, const Open& open,
                          const Consume& consume) {
    for (std::size_t part = 0; part < parts; ++part) {
      REHOME_TRY(Drain(part, open, [&](Batch batch) -> Status {
        return stop.stop_requested() ? Status(Stopped()) : consume(std::move(batch));
      }));
    }
    return {};
  }

  static Status RunThreaded(std::size_t parts, const Options& options, const std::stop_token& stop,
                            const Open& open, const Consume& consume) {
    std::stop_source halt;
    const std::stop_callback on_stop(stop, [&halt] { halt.request_stop(); });
    BoundedQueue<Batch> queue(options.queued_max);
    std::mutex mutex;
    Status outcome;                         // guarded by mutex
    std::size_t next_part = 0;              // guarded by mutex
    std::size_t running = options.threads;  // guarded by mutex
    const auto fail = [&](Error error) {
      const std::scoped_lock lock(mutex);
      if (outcome) {
        outcome = std::unexpected(std::move(error));
      }
      halt.request_stop();
    };
    const Consume push = [&](Batch batch) -> Status {
      return queue.Push(std::move(batch), halt.get_token()) ? Status{} : Status(Stopped());
    };
    const Consume own = [&](Batch batch) -> Status {
      return halt.stop_requested() ? Status(Stopped()) : consume(std::move(batch));
    };
    const Consume& take = options.each_consumes ? own : push;
    const auto work = [&] {
      while (true) {
        std::size_t part = 0;
        {
          const std::scoped_lock lock(mutex);
          if (next_part == parts || !outcome) {
            break;
          }
          part = next_part++;
        }
        if (Status status = Drain(part, open, take); !status) {
          fail(std::move(status).error());
          break;
        }
      }
      const std::scoped_lock lock(mutex);
      if (--running == 0) {
        queue.Close();
      }
    };
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < options.threads; ++i) {
      workers.emplace_back(work);
    }
    while (auto batch = queue.Pop(halt.get_token())) {
      if (Status status = consume(*std::move(batch)); !status) {
        fail(std::move(status).error());
        break;
      }
    }
    workers.clear();
    const std::scoped_lock lock(mutex);
    if (outcome && stop.stop_requested()) {
      return Stopped();
    }
    return outcome;
  }

  /// One step at a time: a producer begins its next part, a producer reads a batch, or the consumer
  /// writes one.
  static Status RunScheduled(std::size_t parts, const Options& options, const std::stop_token& stop,
                             const Open& open, const Consume& consume) {
    std::vector<Source> producers;
    std::deque<Batch> queue;
    std::size_t next_part = 0;
    while (true) {
      const std::size_t begin =
          next_part < parts && producers.size() < options.threads ? std::size_t{1} : 0;
      const std::size_t read = queue.size() < options.queued_max ? producers.size() : 0;
      const std::size_t write = queue.empty() ? 0 : 1;
      if (begin + read + write == 0) {
        return {};
      }
      if (stop.stop_requested()) {
        return Stopped();
      }
      const std::size_t chosen = options.scheduler->Choose(begin + read + write);
      if (chosen < begin) {
        REHOME_TRY_ASSIGN(Source source, open(next_part++));
        producers.push_back(std::move(source));
      } else if (chosen < begin + read) {
        const auto producer = producers.begin() + static_cast<std::ptrdiff_t>(chosen - begin);
        REHOME_TRY_ASSIGN(std::optional<Batch> batch, (*producer)());
        if (batch) {
          queue.push_back(*std::move(batch));
        } else {
          producers.erase(producer);
        }
      } else {
        Batch batch = std::move(queue.front());
        queue.pop_front();
        REHOME_TRY(consume(std::move(batch)));
      }
    }
  }
};

}  // namespace rehome
