#pragma once
// pump.h — the threaded runner: producers read and map on their own threads, one consumer writes on
// the calling thread, a bounded queue between them. With one worker everything happens on the
// calling thread. The stages themselves hold no thread, lock, sleep or clock, so a simulation
// drives the same ones in its own order.
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"

namespace rehome {

template <class Batch>
class Pump {
 public:
  /// Hands a batch on; an error means that the consumer failed or a stop was asked for: produce no
  /// more.
  using Emit = std::function<Status(Batch)>;
  using Produce = std::function<Status(std::size_t part, const Emit& emit)>;
  using Consume = std::function<Status(Batch)>;

  /// Batches queued between producers and consumer: enough to hide one slow write, few enough to
  /// bound memory.
  static constexpr std::size_t kQueuedMax = 4;

  /// Runs produce(0 … parts-1) on `threads` threads (0: on the calling one) and consume() on the
  /// calling thread. Batches of one part arrive in the order they were emitted. The first error
  /// wins; everything is joined on return.
  static Status Run(std::size_t parts, std::size_t threads, const std::stop_token& stop,
                    const Produce& produce, const Consume& consume) {
    return threads == 0 ? RunInline(parts, stop, produce, consume)
                        : RunThreaded(parts, threads, stop, produce, consume);
  }

 private:
  static std::unexpected<Error> Stopped() {
    return Fail(ErrorCode::kCancelled, "stopped on request");
  }

  static Status RunInline(std::size_t parts, const std::stop_token& stop, const Produce& produce,
                          const Consume& consume) {
    const Emit emit = [&](Batch batch) -> Status {
      if (stop.stop_requested()) {
        return Stopped();
      }
      return consume(std::move(batch));
    };
    for (std::size_t part = 0; part < parts; ++part) {
      REHOME_TRY(produce(part, emit));
    }
    return {};
  }

  static Status RunThreaded(std::size_t parts, std::size_t threads, const std::stop_token& stop,
                            const Produce& produce, const Consume& consume) {
    std::stop_source halt;
    const std::stop_callback on_stop(stop, [&halt] { halt.request_stop(); });
    BoundedQueue<Batch> queue(kQueuedMax);
    std::mutex mutex;
    Status outcome;                 // guarded by mutex
    std::size_t next_part = 0;      // guarded by mutex
    std::size_t running = threads;  // guarded by mutex
    const auto fail = [&](Error error) {
      const std::scoped_lock lock(mutex);
      if (outcome) {
        outcome = std::unexpected(std::move(error));
      }
      halt.request_stop();
    };
    const Emit emit = [&](Batch batch) -> Status {
      if (!queue.Push(std::move(batch), halt.get_token())) {
        return Stopped();
      }
      return {};
    };
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
        if (Status status = produce(part, emit); !status) {
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
    for (std::size_t i = 0; i < threads; ++i) {
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
};

}  // namespace rehome
