#include "sim/torture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "sim/world.h"

namespace rehome::sim {
namespace {

/// Worlds that a thread takes at once: few enough that all threads end together.
constexpr std::uint64_t kChunk = 16;

class Crowd {
 public:
  Crowd(const Plan& plan, const Sample& sample, const WorldKind& kind,
        const TortureRequest& request)
      : plan_(plan), sample_(sample), kind_(kind), request_(request) {}

  Result<TortureReport> Run() {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < std::max<std::size_t>(1, request_.threads); ++i) {
        threads.emplace_back([this, i] {
          if (Status status = Work(i); !status) {
            const std::scoped_lock lock(mutex_);
            outcome_ = std::move(status);
            over_ = true;
          }
        });
      }
    }
    REHOME_TRY(outcome_);
    if (request_.stop.stop_requested()) {
      return Fail(ErrorCode::kCancelled, "stopped on request",
                  "the worlds so far were survived; run it again with another seed to go on");
    }
    return std::move(report_);
  }

 private:
  Status Work(std::size_t number) {
    const std::filesystem::path directory = request_.directory / fmt::format("{}", number);
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{} cannot be made: {}", directory.string(), failed.message()));
    }
    REHOME_TRY_ASSIGN(auto embedder, request_.embedder());
    REHOME_TRY_ASSIGN(const auto arena, Arena::Create(plan_, sample_, kind_, directory, embedder));
    while (const auto chunk = Next()) {
      REHOME_TRY(Live(*arena, chunk->first, chunk->second));
    }
    return {};
  }

  /// The seeds first … last - 1; nothing: all is done.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> Next() {
    const std::scoped_lock lock(mutex_);
    if (over_ || next_ == request_.worlds || request_.stop.stop_requested()) {
      return std::nullopt;
    }
    const std::uint64_t first = next_;
    next_ = std::min(request_.worlds, next_ + kChunk);
    if (request_.progress) {
      request_.progress(first);
    }
    return std::pair(request_.seed + first, request_.seed + next_);
  }

  /// What a chunk of worlds came to.
  struct Outcome {
    std::uint64_t end = 0;  // the seed behind its last
    Tally tally;
    std::vector<WorldFailure> failures;
  };

  Status Live(const Arena& arena, std::uint64_t first, std::uint64_t end) {
    Outcome out{.end = end, .tally = {}, .failures = {}};
    for (std::uint64_t seed = first; seed < end; ++seed) {
      if (Status status = LiveWorld(arena, seed, out.tally); !status) {
        if (status.error().code != ErrorCode::kCheckFailed) {
          return std::unexpected(
              std::move(status).error().In(fmt::format("world {} could not be made", seed)));
        }
        out.failures.push_back({.seed = seed, .what = std::move(status).error().message});
      }
    }
    const std::scoped_lock lock(mutex_);
    finished_.emplace(first, std::move(out));
    ReportInOrder();
    return {};
  }

  /// Adds what is finished to the report, seed by seed: which worlds it is of depends on the seeds
  /// alone, not on the threads. Under the mutex.
  void ReportInOrder() {
    for (auto next = finished_.begin();
         next != finished_.end() && next->first == reported_ && !over_;
         next = finished_.erase(next)) {
      for (const auto& [what, count] : next->second.tally) {
        report_.survived[what] += count;
      }
      std::ranges::move(next->second.failures, std::back_inserter(report_.failures));
      reported_ = next->second.end;
      over_ = report_.failures.size() >= request_.failures_max;
    }
  }

  const Plan& plan_;
  const Sample& sample_;
  const WorldKind& kind_;
  const TortureRequest& request_;
  std::mutex mutex_;
  std::uint64_t next_ = 0;                     // guarded by mutex_
  std::uint64_t reported_ = request_.seed;     // guarded by mutex_
  std::map<std::uint64_t, Outcome> finished_;  // by first seed; guarded by mutex_
  bool over_ = false;                          // guarded by mutex_
  TortureReport report_;                       // guarded by mutex_
  Status outcome_;                             // guarded by mutex_
};

}  // namespace

Result<TortureReport> Torture(const Plan& plan, const Sample& sample, const WorldKind& kind,
                              const TortureRequest& request) {
  return Crowd(plan, sample, kind, request).Run();
}

}  // namespace rehome::sim
